"""The site of docs/, which MkDocs builds."""
