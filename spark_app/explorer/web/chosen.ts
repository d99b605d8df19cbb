// The chosen images: how many, which, and their keys to take away.

import { csvOf } from "./csv";
import { button, counted, element, userText } from "./dom";
import type { State } from "./state";

const MOST_ROWS = 500;

export class Chosen {
  readonly element = element("section", { class: "card chosen", "aria-label": "Chosen images" });
  private readonly state: State;
  private readonly actions: { pick(point: number): void; clear(): void; say(text: string): void };

  constructor(state: State, actions: Chosen["actions"]) {
    this.state = state;
    this.actions = actions;
    this.update();
  }

  get points(): number[] {
    return [...this.state.chosen].sort((a, b) => a - b);
  }

  update(): void {
    const { points } = this;
    this.element.hidden = points.length === 0;
    const title = element("h2", {}, `${counted(points.length, "image")} chosen`);
    const close = button("×", () => this.actions.clear(), { class: "close", "aria-label": "Choose none" });
    const tools = element("div", { class: "line" },
      button("Copy keys", () => void this.copy(), { id: "copy" }),
      button("Download CSV", () => this.download(), { id: "download" }));
    this.element.replaceChildren(element("div", { class: "head" }, title, close), tools, this.list(points));
  }

  private list(points: number[]): HTMLElement {
    const list = element("ul", { class: "rows" });
    for (const point of points.slice(0, MOST_ROWS)) {
      const row = button("", () => this.actions.pick(point), { class: "entry" });
      row.append(userText(this.state.data.keys[point]!));
      list.append(element("li", {}, row));
    }
    const rest = points.length - MOST_ROWS;
    if (rest > 0) list.append(element("li", { class: "soft small" }, `and ${rest.toLocaleString("en")} more, which are in the CSV file`));
    return list;
  }

  private async copy(): Promise<void> {
    const text = this.points.map((point) => this.state.data.keys[point]!).join("\n");
    const done = await copied(text);
    this.actions.say(done ? `Copied ${counted(this.points.length, "key")}.` : "The browser refused to copy: download the CSV file.");
  }

  private download(): void {
    const { keys } = this.state.data;
    const body = csvOf(this.points.map((point) => [keys[point]!, this.state.labelOf(point)]));
    const address = URL.createObjectURL(new Blob([body], { type: "text/csv;charset=utf-8" }));
    element("a", { href: address, download: `chosen-${this.state.data.runId}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}

/** Copy a text. Browsers offer the clipboard to some pages only, but obey the old command in all of them. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { class: "away", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
