// CSV as the other files of a run have it: spark_app/csv_files.py.

const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

function cell(text: string | null): string {
  if (text === null) return "";
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

export function csvOf(rows: [string, string | null][]): string {
  return ['"key","label"', ...rows.map((row) => row.map(cell).join(","))].join("\n") + "\n";
}
