"""The diagrams of the documents, drawn as Mermaid text from the template and the code."""
