// The legend: every category with its count, to hide, to isolate and to filter by name; or the scale of a number.

import { type Categorical, type Continuous, cssOf, grey, MARKS, PATHS, scaleColour, SHAPES } from "./colours";
import { button, counted, element, isDark, symbol, userText } from "./dom";
import { numberText } from "./frame";
import type { State } from "./state";

const MOST_ROWS = 1000;
const STOPS = 12;

interface Entry {
  category: number;
  row: HTMLElement;
  toggle: HTMLButtonElement;
  only: HTMLButtonElement;
}

export class Legend {
  readonly element = element("div", { class: "legend" });
  private readonly state: State;
  private readonly changed: () => void;
  private wanted = "";
  private byName = false;
  private entries: Entry[] = [];
  private readonly rows = element("ul", { class: "rows", "aria-label": "Legend" });

  constructor(state: State, changed: () => void) {
    this.state = state;
    this.changed = changed;
  }

  /** Make the legend of another column, and have the points painted. */
  build(): void {
    this.wanted = "";
    const { column } = this.state;
    if (column.kind === "continuous") {
      this.element.replaceChildren(scaleOf(column));
      this.point(null);
    } else {
      this.element.replaceChildren(this.tools(), this.note(column), this.rows);
      this.list(column);
    }
  }

  private tools(): HTMLElement {
    const filter = element("input", {
      type: "search", placeholder: "Filter names",
      "aria-label": "Filter the legend by name", id: "legend-filter",
      input: (event) => this.setWanted((event.target as HTMLInputElement).value),
    });
    const sort = element("select", { "aria-label": "Order of the legend", change: (event) => this.setOrder(event) });
    sort.append(element("option", { value: "count" }, "by count"), element("option", { value: "name" }, "by name"));
    sort.value = this.byName ? "name" : "count";
    return element("div", { class: "line" }, filter, sort);
  }

  private note(column: Categorical): HTMLElement {
    const grey = column.categories.length - MARKS;
    const note = element("p", { class: "soft small" });
    note.textContent = `The ${MARKS} most frequent have a colour and a shape. The other ${grey.toLocaleString("en")} are grey; \
those you show alone get a colour too.`;
    note.hidden = grey <= 0;
    return note;
  }

  private setWanted(text: string): void {
    this.wanted = text.toLowerCase();
    if (this.state.column.kind === "categorical") this.list(this.state.column);
  }

  private setOrder(event: Event): void {
    this.byName = (event.target as HTMLSelectElement).value === "name";
    if (this.state.column.kind === "categorical") this.list(this.state.column);
  }

  /** List the categories with the wanted name. */
  private list(column: Categorical): void {
    const order = this.order(column);
    this.entries = order.slice(0, MOST_ROWS).map((category) => this.entry(column, category));
    const rest = order.length - MOST_ROWS;
    const more = rest > 0 ? [element("li", { class: "soft small" }, `and ${rest.toLocaleString("en")} more: filter by name`)] : [];
    this.rows.replaceChildren(...this.entries.map((entry) => entry.row), ...more);
    this.update();
    this.point(null); // a row that is replaced under the pointer hears of no leaving
  }

  /** Show which categories are hidden, and in which colours the others are. The rows stay, and with them the focus. */
  update(): void {
    const { column } = this.state;
    if (column.kind !== "categorical") return;
    const marks = this.state.marks(column, isDark());
    for (const { category, row, toggle, only } of this.entries) {
      const shown = !this.state.hiddenOf(column).has(category);
      const isolated = this.state.isIsolated(column, category);
      const mark = marks[category]!;
      row.classList.toggle("off", !shown);
      toggle.setAttribute("aria-pressed", String(shown));
      toggle.querySelector("svg")!.replaceWith(symbol(PATHS[SHAPES[mark.shape]!], cssOf(mark.colour)));
      only.textContent = isolated ? "all" : "only";
      only.setAttribute("aria-label", isolated ? "Show all again" : `Show only ${column.categories[category]!.name}`);
    }
  }

  private order(column: Categorical): number[] {
    const named = column.categories.map((_, i) => i);
    const order = named.filter((i) => column.categories[i]!.name.toLowerCase().includes(this.wanted));
    if (this.byName) order.sort((a, b) => column.categories[a]!.name.localeCompare(column.categories[b]!.name));
    return order;
  }

  private entry(column: Categorical, category: number): Entry {
    const { name, count, own } = column.categories[category]!;
    const text = own ? userText(name) : element("i", { class: "user" }, name);
    const toggle = button("", () => this.change(() => this.state.toggle(column, category)), {
      class: "entry", dblclick: () => this.change(() => this.state.isolate(column, category)),
      focus: () => this.point(category), blur: () => this.point(null),
    });
    toggle.append(symbol(PATHS.circle, ""), text, element("span", { class: "count" }, count.toLocaleString("en")));
    const only = button("only", () => this.change(() => this.only(column, category)), { class: "only" });
    const hover = { mouseenter: () => this.point(category), mouseleave: () => this.point(null) };
    return { category, row: element("li", hover, toggle, only), toggle, only };
  }

  private only(column: Categorical, category: number): void {
    if (this.state.isIsolated(column, category)) this.state.showAll();
    else this.state.isolate(column, category);
  }

  private change(make: () => void): void {
    make();
    this.state.pointedAt = null;
    this.update();
    this.changed();
  }

  private point(category: number | null): void {
    const { column } = this.state;
    const hidden = category !== null && column.kind === "categorical" && this.state.hiddenOf(column).has(category);
    this.state.pointedAt = hidden ? null : category;
    this.changed();
  }
}

/** Draw the scale of a number with its limits, and say for how many images the number is unknown. */
function scaleOf(column: Continuous): HTMLElement {
  const dark = isDark();
  const stops = Array.from({ length: STOPS }, (_, i) => cssOf(scaleColour(i / (STOPS - 1), dark)));
  const bar = element("div", { class: "bar", role: "img", "aria-label": "Colours from low to high" });
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const limits = element("div", { class: "limits" });
  limits.append(element("span", {}, `≤ ${numberText(column.low)}`), element("span", {}, `≥ ${numberText(column.high)}`));
  const unknown = element("p", { class: "soft small unknown" });
  unknown.append(symbol(PATHS.circle, cssOf(grey(dark))), `unknown: ${counted(column.unknown, "image")}`);
  unknown.hidden = column.unknown === 0;
  return element("div", { class: "scale" }, bar, limits, unknown);
}
