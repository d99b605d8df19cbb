// What the user has chosen. Every set is one of numbers of points, which never change.

import { type Categorical, type Column, columnsOf, grey, type Mark, MARKS, markOf, scaleColour } from "./colours";
import type { Data } from "./payload";
import { type Cloud, Emphasis } from "./points";

export class State {
  readonly data: Data;
  readonly columns: Column[];
  /** The column that gives the colours. */
  column: Column;
  /** For each column with categories, those that are hidden. They stay so when another column gives the colours. */
  readonly hidden = new Map<Categorical, Set<number>>();
  /** The category that the pointer is on in the legend. */
  pointedAt: number | null = null;
  /** The shown points that the search has found; null without a search. */
  matches: Set<number> | null = null;
  /** All points that the search has found: a filter may hide some, and show them again. */
  private found: number[] | null = null;
  chosen = new Set<number>();
  picked: number | null = null;
  visible: Uint8Array;
  visibleCount: number;

  constructor(data: Data) {
    this.data = data;
    this.columns = columnsOf(data);
    this.column = this.columns[0]!;
    this.visible = new Uint8Array(data.keys.length).fill(1);
    this.visibleCount = data.keys.length;
  }

  get n(): number {
    return this.data.keys.length;
  }

  labelOf(point: number): string | null {
    const place = this.data.labelOf[point]!;
    return place < 0 ? null : this.data.labelNames[place]!;
  }

  hiddenOf(column: Categorical): Set<number> {
    let hidden = this.hidden.get(column);
    if (!hidden) this.hidden.set(column, (hidden = new Set()));
    return hidden;
  }

  /** Hide or show a category. */
  toggle(column: Categorical, category: number): void {
    const hidden = this.hiddenOf(column);
    if (!hidden.delete(category)) hidden.add(category);
    this.filter();
  }

  /** Show only one category. */
  isolate(column: Categorical, category: number): void {
    const others = column.categories.map((_, i) => i).filter((i) => i !== category);
    this.hidden.set(column, new Set(others));
    this.filter();
  }

  isIsolated(column: Categorical, category: number): boolean {
    const hidden = this.hiddenOf(column);
    return !hidden.has(category) && hidden.size === column.categories.length - 1 && hidden.size > 0;
  }

  showAll(): void {
    this.hidden.clear();
    this.filter();
  }

  private filter(): void {
    this.visible.fill(1);
    for (const [column, hidden] of this.hidden) {
      if (!hidden.size) continue;
      for (let i = 0; i < this.n; i++) if (hidden.has(column.of[i]!)) this.visible[i] = 0;
    }
    this.visibleCount = this.visible.reduce((sum, shown) => sum + shown, 0);
    this.match();
  }

  /** Search keys that contain a text. */
  search(text: string): void {
    const wanted = text.toLowerCase();
    const { keys } = this.data;
    this.found = text ? Array.from(keys.keys()).filter((i) => keys[i]!.toLowerCase().includes(wanted)) : null;
    this.match();
  }

  private match(): void {
    this.matches = this.found && new Set(this.found.filter((i) => this.visible[i]));
  }

  /** Number of points that the search has found, and that are hidden. */
  get hiddenMatches(): number {
    return this.found ? this.found.length - this.matches!.size : 0;
  }

  /**
   * Return the colour and the shape of each category of a column.
   *
   * The most frequent categories have the pairs of colour and shape, and keep them. The others are grey, until so many
   * are hidden that there are pairs for those that are shown. Then they take the first pairs that none of these has.
   */
  marks(column: Categorical, dark: boolean): Mark[] {
    const hidden = this.hiddenOf(column);
    const shown = column.categories.map((_, i) => i).filter((i) => !hidden.has(i));
    const marks = column.categories.map((_, i) => (i < MARKS ? markOf(i, dark) : { colour: grey(dark), shape: 0 }));
    if (column.categories.length <= MARKS || shown.length > MARKS) return marks;
    const free = Array.from({ length: MARKS }, (_, i) => i).filter((i) => hidden.has(i));
    for (const late of shown.filter((i) => i >= MARKS)) marks[late] = markOf(free.shift()!, dark);
    return marks;
  }

  /** Write colour, shape and emphasis of all points. */
  paint(cloud: Cloud, dark: boolean): void {
    if (this.column.kind === "categorical") this.paintCategories(cloud, this.column, dark);
    else this.paintNumbers(cloud, this.column.values, this.column.low, this.column.high, dark);
    const focus = this.focus();
    for (let i = 0; i < this.n; i++) cloud.looks[2 * i + 1] = this.emphasisOf(i, focus);
    cloud.changed("tint");
    cloud.changed("look");
  }

  private paintCategories(cloud: Cloud, column: Categorical, dark: boolean): void {
    const marks = this.marks(column, dark);
    for (let i = 0; i < this.n; i++) {
      const mark = marks[column.of[i]!]!;
      cloud.tints.set(mark.colour, 4 * i);
      cloud.looks[2 * i] = mark.shape;
    }
  }

  private paintNumbers(cloud: Cloud, values: Float32Array, low: number, high: number, dark: boolean): void {
    for (let i = 0; i < this.n; i++) {
      const value = values[i]!;
      const colour = Number.isFinite(value) ? scaleColour((value - low) / (high - low || 1), dark) : grey(dark);
      cloud.tints.set(colour, 4 * i);
      cloud.looks[2 * i] = 0;
    }
  }

  /** Return a test of what stands out, or null if nothing does. */
  private focus(): ((point: number) => boolean) | null {
    const { column, pointedAt, matches, chosen } = this;
    if (pointedAt !== null && column.kind === "categorical") return (i) => column.of[i] === pointedAt;
    if (matches) return (i) => matches.has(i);
    return chosen.size ? (i) => chosen.has(i) : null;
  }

  private emphasisOf(point: number, focus: ((point: number) => boolean) | null): Emphasis {
    if (!this.visible[point]) return Emphasis.Hidden;
    if (!focus) return Emphasis.Normal;
    return focus(point) ? Emphasis.Strong : Emphasis.Dimmed;
  }
}
