// What lies over the points: the lasso, the rings of the picked and the pointed-at image, and pictures in place of points.

import type { Polygon } from "./geometry";
import type { Pictures } from "./pictures";
import type { Plot } from "./plot";
import type { State } from "./state";

const MOST_PICTURES = 400;
const PICTURE_SIDE = 30;

export class Overlay {
  lasso: Polygon = [];
  pointedAt = -1;
  showsPictures = false;
  private wasEmpty = false;
  private readonly plot: Plot;
  private readonly state: State;
  private readonly pictures: Pictures;
  private readonly context: CanvasRenderingContext2D;

  constructor(plot: Plot, state: State, pictures: Pictures) {
    this.plot = plot;
    this.state = state;
    this.pictures = pictures;
    this.context = plot.surface.getContext("2d")!;
  }

  draw(): void {
    const { context, plot } = this;
    const isEmpty = this.pointedAt < 0 && this.state.picked === null && !this.showsPictures && this.lasso.length < 2;
    if (isEmpty && this.wasEmpty) return; // most frames: the canvas is transparent already
    this.wasEmpty = isEmpty;
    if (isEmpty) {
      // Chromium may drop a frame whose only drawing clears the canvas, and leave the last lasso there.
      context.reset();
      return;
    }
    context.setTransform(plot.pixelRatio, 0, 0, plot.pixelRatio, 0, 0);
    context.clearRect(0, 0, plot.width, plot.height);
    const style = getComputedStyle(document.documentElement);
    if (this.showsPictures) this.drawPictures();
    context.strokeStyle = style.getPropertyValue("--ink");
    if (this.pointedAt >= 0) this.ring(this.pointedAt, 4, 1.5);
    if (this.state.picked !== null) this.ring(this.state.picked, 7, 2.5);
    this.drawLasso(style.getPropertyValue("--accent"));
  }

  private ring(point: number, away: number, width: number): void {
    const [x, y] = this.placeOf(point);
    this.context.lineWidth = width;
    this.context.beginPath();
    this.context.arc(x, y, this.plot.radius + away, 0, 2 * Math.PI);
    this.context.stroke();
  }

  private placeOf(point: number): [number, number] {
    return [this.plot.screen[3 * point]!, this.plot.screen[3 * point + 1]!];
  }

  /** Draw the pictures of the first points in view: the points have the order of hashes, so these are a fair sample. */
  private drawPictures(): void {
    const { plot, context } = this;
    const some = this.firstInView();
    if (plot.mode === "3") some.sort((a, b) => plot.screen[3 * b + 2]! - plot.screen[3 * a + 2]!); // the nearest last
    for (const point of some) {
      const [x, y] = this.placeOf(point);
      const tile = this.pictures.tileNow(point, () => plot.request());
      if (tile) context.drawImage(tile, x - PICTURE_SIDE / 2, y - PICTURE_SIDE / 2, PICTURE_SIDE, PICTURE_SIDE);
    }
  }

  private firstInView(): number[] {
    const found: number[] = [];
    for (let point = 0; point < this.state.n && found.length < MOST_PICTURES; point++) {
      const [x, y] = this.placeOf(point);
      const inView = x > 0 && y > 0 && x < this.plot.width && y < this.plot.height;
      if (inView && this.pictures.has(point) && this.plot.isShown(point)) found.push(point);
    }
    return found;
  }

  private drawLasso(colour: string): void {
    if (this.lasso.length < 2) return;
    const { context } = this;
    context.beginPath();
    this.lasso.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.globalAlpha = 0.12;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.stroke();
  }
}
