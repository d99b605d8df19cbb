// The data of the page: the inverse of spark_app/explorer/payload.py.

const VERSION = 1;
const ALIGNMENT = 8;

export interface SheetPlace {
  /** Number of the first point whose picture is on the sheet. */
  first: number;
  count: number;
  columns: number;
}

export interface Data {
  runId: string;
  finishedAt: string;
  images: number;
  notes: string[];
  keys: string[];
  labelNames: string[];
  /** For each point, the number of its label in `labelNames`; -1 without a label. */
  labelOf: Int32Array;
  /** Number of components. */
  components: number;
  ratios: Float64Array;
  /** Point by point: coordinate c of point i is at i * components + c. */
  coordinates: Float32Array;
  numbers: Map<string, Float32Array>;
  findings: Map<string, Int32Array>;
  pictured: Uint8Array;
  tile: number;
  sheets: SheetPlace[];
}

interface Header {
  runId: string;
  finishedAt: string;
  images: number;
  notes: string[];
  keys: string[];
  labels: string[];
  numbers: string[];
  findings: [string, number][];
  components: number;
  ratios: number;
  tile: number;
  sheets: { id: string; count: number; columns: number }[];
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function textOfBlock(name: string): string {
  return document.getElementById(name)?.textContent ?? "";
}

async function unzipped(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Views of consecutive arrays of a buffer, each at a multiple of the alignment. */
class Arrays {
  private readonly buffer: ArrayBuffer;
  private next: number;

  constructor(buffer: ArrayBuffer, begin: number) {
    this.buffer = buffer;
    this.next = begin;
  }

  take<T extends ArrayBufferView>(type: new (buffer: ArrayBuffer, offset: number, length: number) => T, n: number): T {
    const array = new type(this.buffer, this.next, n);
    this.next += aligned(array.byteLength);
    return array;
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** The value of each of the 65,536 half-precision numbers, because not every browser has Float16Array. */
function halves(): Float32Array {
  return Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
  });
}

/** Bring the columns of the file, one per component, into the order of the points. */
function byPoint(columns: Uint16Array, n: number, m: number): Float32Array {
  const values = halves();
  const points = new Float32Array(n * m);
  for (let c = 0; c < m; c++) {
    for (let i = 0; i < n; i++) points[i * m + c] = values[columns[c * n + i]!]!;
  }
  return points;
}

function placesOf(sheets: Header["sheets"]): SheetPlace[] {
  let first = 0;
  return sheets.map(({ count, columns }) => {
    const place = { first, count, columns };
    first += count;
    return place;
  });
}

export async function readData(): Promise<Data> {
  const buffer = await unzipped(bytesOf(textOfBlock("points")));
  const [version, length] = new Uint32Array(buffer, 0, 2) as unknown as [number, number];
  if (version !== VERSION) throw new Error(`the version of the data is ${version}, not ${VERSION}`);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))) as Header;
  const arrays = new Arrays(buffer, aligned(8 + length));
  const n = header.keys.length;
  // The order of the calls is the order of the format.
  const ratios = arrays.take(Float64Array, header.ratios);
  const labelOf = arrays.take(Int32Array, n);
  const numbers = new Map(header.numbers.map((name) => [name, arrays.take(Float32Array, n)]));
  const findings = new Map(header.findings.map(([kind, k]) => [kind, arrays.take(Int32Array, k)]));
  const coordinates = byPoint(arrays.take(Uint16Array, n * header.components), n, header.components);
  const pictured = arrays.take(Uint8Array, n);
  const { runId, finishedAt, images, notes, keys, components, tile } = header;
  const facts = { runId, finishedAt, images, notes, keys, components, tile, labelNames: header.labels };
  return { ...facts, ratios, labelOf, numbers, findings, coordinates, pictured, sheets: placesOf(header.sheets) };
}
