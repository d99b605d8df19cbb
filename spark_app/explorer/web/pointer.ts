// The pointer on the plot: pointing at an image, picking it, and drawing a lasso. The drags that remain move the camera.

import type { Polygon } from "./geometry";
import type { Overlay } from "./overlay";
import type { Plot } from "./plot";

/** A pointer that moves less than this between down and up has clicked. */
const CLICK_PIXELS = 5;

const REACH = { mouse: 7, touch: 22 };

export interface Actions {
  point(point: number, x: number, y: number): void;
  pick(point: number | null): void;
  choose(polygon: Polygon, add: boolean): void;
}

export class Pointer {
  lassoing = false;
  private readonly plot: Plot;
  private readonly overlay: Overlay;
  private readonly actions: Actions;
  /** The pointer that is followed, and where it went down. A second finger is not followed. */
  private begin: { id: number; x: number; y: number } | null = null;
  private moved = false;
  private waiting: PointerEvent | null = null;

  constructor(plot: Plot, overlay: Overlay, actions: Actions) {
    this.plot = plot;
    this.overlay = overlay;
    this.actions = actions;
    const { surface } = plot;
    surface.addEventListener("pointerdown", (event) => this.press(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", (event) => this.release(event));
    surface.addEventListener("pointercancel", (event) => this.follows(event) && this.cancel());
    surface.addEventListener("pointerleave", () => this.leave());
  }

  private place(event: PointerEvent): [number, number] {
    const box = this.plot.surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.moved = !event.isPrimary; // two fingers zoom, and never click
    if (!event.isPrimary) return;
    const [x, y] = this.place(event);
    this.begin = { id: event.pointerId, x, y };
    if (!this.lassoing) return;
    this.plot.surface.setPointerCapture(event.pointerId);
    this.overlay.lasso = [[x, y]];
  }

  private follows(event: PointerEvent): boolean {
    return event.pointerId === this.begin?.id;
  }

  private move(event: PointerEvent): void {
    if (this.follows(event)) this.drag(this.place(event), this.begin!);
    else if (event.pointerType === "mouse") this.hover(event);
  }

  private drag([x, y]: [number, number], begin: { x: number; y: number }): void {
    if (Math.hypot(x - begin.x, y - begin.y) > CLICK_PIXELS) this.moved = true;
    if (this.moved) this.actions.point(-1, 0, 0);
    if (!this.lassoing || !this.overlay.lasso.length) return;
    this.overlay.lasso.push([x, y]);
    this.plot.request();
  }

  /** Look for the point once per frame, however many events there are. */
  private hover(event: PointerEvent): void {
    if (!this.waiting) requestAnimationFrame(() => this.look());
    this.waiting = event;
  }

  private look(): void {
    const event = this.waiting;
    this.waiting = null;
    if (!event || this.begin) return;
    const [x, y] = this.place(event);
    this.actions.point(this.plot.pick(x, y, this.plot.radius + REACH.mouse), x, y);
  }

  private release(event: PointerEvent): void {
    if (!this.follows(event)) return;
    const [x, y] = this.place(event);
    const { lasso } = this.overlay;
    const clicked = !this.moved;
    this.begin = null;
    this.overlay.lasso = [];
    if (clicked) this.click(x, y, event.pointerType === "mouse" ? REACH.mouse : REACH.touch);
    else if (lasso.length > 2) this.actions.choose(lasso, event.shiftKey);
    this.plot.request();
  }

  private click(x: number, y: number, reach: number): void {
    const point = this.plot.pick(x, y, this.plot.radius + reach);
    this.actions.pick(point < 0 ? null : point);
  }

  /** Forget the pointer that is down, and what it has drawn. */
  cancel(): void {
    this.begin = null;
    this.overlay.lasso = [];
    this.plot.request();
  }

  private leave(): void {
    this.waiting = null;
    this.actions.point(-1, 0, 0);
  }
}
