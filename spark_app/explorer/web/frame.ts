// The frame behind the points: a grid with numbers in 2-D, a box with the names of the axes in 3-D.

import { ticks } from "./geometry";
import type { Axis, Mode } from "./plot";

type Place = [number, number];
type Project = (x: number, y: number, z: number) => Place;

const PIXELS_PER_TICK = 90;
const TITLE_SPACE = 48;
const FONT = "12px system-ui, sans-serif";

export class Frame {
  private readonly canvas = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private width = 1;
  private height = 1;
  private line = "";
  private ink = "";

  constructor(host: HTMLElement) {
    this.canvas.className = "frame";
    this.context = this.canvas.getContext("2d")!;
    host.append(this.canvas);
    this.readColours();
  }

  readColours(): void {
    const style = getComputedStyle(document.documentElement);
    this.line = style.getPropertyValue("--line").trim();
    this.ink = style.getPropertyValue("--soft").trim();
  }

  resize(width: number, height: number, ratio: number): void {
    [this.width, this.height] = [width, height];
    [this.canvas.width, this.canvas.height] = [width * ratio, height * ratio];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  draw(mode: Mode, axes: [Axis, Axis, Axis], project: Project, valueAt: (x: number, y: number) => Place): void {
    this.context.clearRect(0, 0, this.width, this.height);
    this.context.strokeStyle = this.line;
    this.context.fillStyle = this.ink;
    this.context.font = FONT;
    this.context.lineWidth = 1;
    if (mode === "2") this.grid(axes, project, valueAt);
    else this.box(axes, project);
  }

  private grid([x, y]: [Axis, Axis, Axis], project: Project, valueAt: (x: number, y: number) => Place): void {
    const [left, top] = valueAt(0, 0);
    const [right, bottom] = valueAt(this.width, this.height);
    for (const value of ticks(left, right, this.width / PIXELS_PER_TICK)) {
      this.column(project((value - x.centre) / x.scale, 0, 0)[0], value);
    }
    for (const value of ticks(bottom, top, this.height / PIXELS_PER_TICK)) {
      this.row(project(0, (value - y.centre) / y.scale, 0)[1], value);
    }
    this.text(x.title, this.width / 2, this.height - 10, "center");
    this.context.save();
    this.context.translate(16, this.height / 2);
    this.context.rotate(-Math.PI / 2);
    this.text(y.title, 0, 0, "center");
    this.context.restore();
  }

  private column(x: number, value: number): void {
    this.segment([Math.round(x) + 0.5, 0], [Math.round(x) + 0.5, this.height - 44]);
    this.text(numberText(value), x, this.height - 29, "center");
  }

  private row(y: number, value: number): void {
    this.segment([62, Math.round(y) + 0.5], [this.width, Math.round(y) + 0.5]);
    if (y < this.height - 50) this.text(numberText(value), 56, y + 4, "right");
  }

  private box(axes: [Axis, Axis, Axis], project: Project): void {
    const [x, y, z] = axes.map((axis) => axis.extent) as [number, number, number];
    for (const one of [-1, 1]) {
      for (const other of [-1, 1]) {
        this.segment(project(-x, one * y, other * z), project(x, one * y, other * z));
        this.segment(project(one * x, -y, other * z), project(one * x, y, other * z));
        this.segment(project(one * x, other * y, -z), project(one * x, other * y, z));
      }
    }
    this.titles(axes, [x, y, z], project);
  }

  /** Write the name of each axis beside an edge of the box that starts at one corner. */
  private titles(axes: [Axis, Axis, Axis], [x, y, z]: [number, number, number], project: Project): void {
    const away = 1.12;
    const places = [project(0, -y * away, z * away), project(-x * away, 0, z * away), project(x * away, -y * away, 0)];
    this.context.strokeStyle = this.ink;
    this.segment(project(-x, -y, z), project(x, -y, z));
    this.segment(project(-x, -y, z), project(-x, y, z));
    this.segment(project(x, -y, z), project(x, -y, -z));
    places.forEach(([left, top], i) => this.text(axes[i]!.title, this.inside(left), top, "center"));
  }

  /** Keep the middle of a title so far from the borders that the title can be read. */
  private inside(x: number): number {
    return Math.min(this.width - TITLE_SPACE, Math.max(TITLE_SPACE, x));
  }

  private segment(from: Place, to: Place): void {
    if (![...from, ...to].every(Number.isFinite)) return;
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
  }

  private text(text: string, x: number, y: number, align: CanvasTextAlign): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.context.textAlign = align;
    this.context.fillText(text, x, y);
  }
}

/** Write a number with at most four digits that count. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "unknown";
  return Number.isInteger(value) ? value.toLocaleString("en") : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}
