// The card of the picked image, with its nearest neighbours, and the label that follows the pointer.

import { button, element, userText } from "./dom";
import { numberText } from "./frame";
import { nearest } from "./geometry";
import type { Pictures } from "./pictures";
import type { State } from "./state";

const NEIGHBOURS = 8;

/** Return an element with the picture of a point, in the proportions of the image, or with a sentence. */
export function picture(state: State, pictures: Pictures, point: number): HTMLElement {
  if (!pictures.has(point)) return element("div", { class: "blank" }, "no thumbnail");
  const canvas = element("canvas", { class: "picture", role: "img", "aria-label": "Thumbnail of the image" });
  const [width, height] = proportions(state, point);
  canvas.style.setProperty("--wide", String(width));
  canvas.style.setProperty("--high", String(height));
  void pictures.draw(point, canvas);
  return canvas;
}

/** Return width and height of an image, of which the larger is 1. Tiles are square, whatever the image was. */
function proportions(state: State, point: number): [number, number] {
  const [width, height] = ["width", "height"].map((name) => state.data.numbers.get(name)?.[point] ?? NaN) as [number, number];
  if (!(width > 0 && height > 0)) return [1, 1];
  const larger = Math.max(width, height);
  return [Math.max(0.15, width / larger), Math.max(0.15, height / larger)];
}

export function labelText(state: State, point: number): HTMLElement {
  const label = state.labelOf(point);
  return label === null ? element("i", { class: "user soft" }, "no label") : userText(label, "label");
}

export class Card {
  readonly element = element("section", { class: "card", "aria-label": "Picked image" });
  private readonly state: State;
  private readonly pictures: Pictures;
  private readonly pick: (point: number | null) => void;

  constructor(state: State, pictures: Pictures, pick: (point: number | null) => void) {
    this.state = state;
    this.pictures = pictures;
    this.pick = pick;
    this.update();
  }

  update(): void {
    const { picked } = this.state;
    this.element.hidden = picked === null;
    if (picked === null) this.element.replaceChildren();
    else this.element.replaceChildren(this.head(picked), this.facts(picked), ...this.neighbours(picked));
  }

  private head(point: number): HTMLElement {
    const close = button("×", () => this.pick(null), { class: "close", "aria-label": "Close the card" });
    const key = userText(this.state.data.keys[point]!, "key");
    const names = element("div", { class: "names" }, labelText(this.state, point), key);
    return element("div", { class: "head" }, picture(this.state, this.pictures, point), names, close);
  }

  private facts(point: number): HTMLElement {
    const list = element("dl");
    for (const [name, value] of this.numbers(point)) list.append(element("dt", {}, name), element("dd", {}, value));
    const { findings } = this.state.data;
    const found = [...findings].filter(([, places]) => places.includes(point)).map(([kind]) => kind.replaceAll("_", " "));
    if (findings.size) list.append(element("dt", {}, "findings"), element("dd", {}, found.join(", ") || "none"));
    return list;
  }

  private numbers(point: number): [string, string][] {
    const { numbers } = this.state.data;
    const [width, height] = [numbers.get("width"), numbers.get("height")];
    const rows = [...numbers].filter(([name]) => !(width && height && (name === "width" || name === "height")));
    const facts = rows.map(([name, values]): [string, string] => [name.replaceAll("_", " "), numberText(values[point]!)]);
    if (width && height) facts.unshift(["size", `${numberText(width[point]!)} × ${numberText(height[point]!)}`]);
    return facts;
  }

  private neighbours(point: number): HTMLElement[] {
    const { coordinates, components } = this.state.data;
    const found = nearest(coordinates, components, point, NEIGHBOURS);
    const list = element("ol", { class: "neighbours" });
    for (const { point: other, distance } of found) list.append(element("li", {}, this.neighbour(other, distance)));
    return found.length ? [element("h3", {}, "Nearest images"), list] : [];
  }

  private neighbour(point: number, distance: number): HTMLElement {
    const shown = button("", () => this.pick(point), { "data-point": String(point), "data-distance": String(distance) });
    shown.append(
      picture(this.state, this.pictures, point), labelText(this.state, point),
      userText(this.state.data.keys[point]!, "key"), element("span", { class: "soft" }, numberText(distance)),
    );
    return shown;
  }
}

export class Tip {
  readonly element = element("div", { class: "tip", hidden: true });
  private readonly state: State;
  private readonly pictures: Pictures;
  private point: number | null = null;

  constructor(state: State, pictures: Pictures) {
    this.state = state;
    this.pictures = pictures;
  }

  hide(): void {
    this.point = null;
    this.element.hidden = true;
  }

  /** Show the image of a point beside a place of the plot. */
  show(point: number, x: number, y: number, width: number, height: number): void {
    if (point !== this.point) {
      const names = element("div", { class: "names" }, labelText(this.state, point), userText(this.state.data.keys[point]!, "key"));
      this.element.replaceChildren(picture(this.state, this.pictures, point), names);
      this.point = point;
    }
    this.element.hidden = false;
    this.element.style.left = `${Math.max(8, Math.min(x + 16, width - this.element.offsetWidth - 8))}px`;
    const below = y + 16 + this.element.offsetHeight < height;
    this.element.style.top = `${below ? y + 16 : Math.max(8, y - 16 - this.element.offsetHeight)}px`;
  }
}
