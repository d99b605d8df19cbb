// Colours and shapes that people with any colour vision can tell apart.

import type { Data } from "./payload";

/** Okabe and Ito, https://jfly.uni-koeln.de/color/, with a dark grey for their black. */
export const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#5a5a5a"];
const PALETTE_ON_DARK = ["#3d9be0", "#e69f00", "#1fbf90", "#dd8fbb", "#7cc8f2", "#ee7733", "#f0e442", "#d8d8d8"];

export const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "inverted triangle"] as const;

/** Paths in a square from -1 to 1, for the legend. The shader in points.ts draws the same shapes. */
export const PATHS: Record<(typeof SHAPES)[number], string> = {
  circle: "M-.9 0A.9 .9 0 1 1 .9 0A.9 .9 0 1 1 -.9 0Z",
  square: "M-.75-.75H.75V.75H-.75Z",
  triangle: "M0-.95L.95 .7H-.95Z",
  diamond: "M0-1L1 0L0 1L-1 0Z",
  plus: "M-.3-.9H.3V-.3H.9V.3H.3V.9H-.3V.3H-.9V-.3H-.3Z",
  "inverted triangle": "M0 .95L.95-.7H-.95Z",
};

/** Matplotlib's cividis, https://doi.org/10.1371/journal.pone.0199239, at equal steps. */
const CIVIDIS = [
  "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
].map(rgbOf);

/** Begin of the scale on a dark ground, on which its darkest colours would not be seen. */
const BEGIN_ON_DARK = 0.22;

export type Rgb = [number, number, number];

export interface Mark {
  colour: Rgb;
  shape: number;
}

export function rgbOf(hex: string): Rgb {
  return [1, 3, 5].map((begin) => parseInt(hex.slice(begin, begin + 2), 16)) as Rgb;
}

export function cssOf([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

export function grey(dark: boolean): Rgb {
  return dark ? [92, 102, 96] : [190, 199, 193];
}

/** Number of pairs of a colour and a shape. */
export const MARKS = PALETTE.length * SHAPES.length;

export function markOf(number: number, dark: boolean): Mark {
  const palette = dark ? PALETTE_ON_DARK : PALETTE;
  return { colour: rgbOf(palette[number % palette.length]!), shape: Math.floor(number / palette.length) };
}

/** Return the colour of a share from 0 to 1 of the scale. */
export function scaleColour(share: number, dark: boolean): Rgb {
  const begin = dark ? BEGIN_ON_DARK : 0;
  const place = (begin + Math.min(1, Math.max(0, share)) * (1 - begin)) * (CIVIDIS.length - 1);
  const step = Math.min(CIVIDIS.length - 2, Math.floor(place));
  const [low, high] = [CIVIDIS[step]!, CIVIDIS[step + 1]!];
  return low.map((value, i) => Math.round(value + (high[i]! - value) * (place - step))) as Rgb;
}

export interface Category {
  name: string;
  /** Whether the name is a user's, and not one of ours such as "no label". */
  own: boolean;
  count: number;
}

export interface Categorical {
  kind: "categorical";
  title: string;
  /** The most frequent first. */
  categories: Category[];
  /** For each point, the number of its category. */
  of: Int32Array;
}

export interface Continuous {
  kind: "continuous";
  title: string;
  values: Float32Array;
  low: number;
  high: number;
  unknown: number;
}

export type Column = Categorical | Continuous;

/** Sort the categories by frequency, then by name, and number the points accordingly. */
function categorical(title: string, names: Category[], of: Int32Array): Categorical {
  for (const place of of) names[place]!.count++;
  const order = names.map((_, i) => i).filter((i) => names[i]!.count > 0);
  order.sort((a, b) => names[b]!.count - names[a]!.count || names[a]!.name.localeCompare(names[b]!.name));
  const rank = new Int32Array(names.length);
  order.forEach((place, i) => (rank[place] = i));
  return { kind: "categorical", title, categories: order.map((i) => names[i]!), of: of.map((place) => rank[place]!) };
}

function labels(data: Data): Categorical {
  const names = [...data.labelNames.map((name) => ({ name, own: true, count: 0 })), { name: "no label", own: false, count: 0 }];
  return categorical("label", names, data.labelOf.map((place) => (place < 0 ? data.labelNames.length : place)));
}

function finding(kind: string, places: Int32Array, n: number): Categorical {
  const of = new Int32Array(n);
  for (const place of places) of[place] = 1;
  const title = kind.replaceAll("_", " ");
  return categorical(`finding: ${title}`, [{ name: "not found", own: false, count: 0 }, { name: title, own: false, count: 0 }], of);
}

/** Limit the scale to the middle 98 %, so that one extreme image does not take all colours. */
function continuous(title: string, values: Float32Array): Continuous {
  const known = values.filter(Number.isFinite).sort();
  const at = (share: number) => known[Math.round(share * (known.length - 1))]!;
  return { kind: "continuous", title, values, low: at(0.01), high: at(0.99), unknown: values.length - known.length };
}

/** Return what can give the colours. A number that is unknown for all images can't. */
export function columnsOf(data: Data): Column[] {
  const n = data.keys.length;
  const numbers = [...data.numbers].filter(([, values]) => values.some(Number.isFinite));
  return [
    labels(data),
    ...[...data.findings].map(([kind, places]) => finding(kind, places, n)),
    ...numbers.map(([name, values]) => continuous(name, values)),
  ];
}
