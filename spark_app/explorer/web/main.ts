// The explorer: reads the data of the page, builds its elements, and connects them.

import { firstComponents, NO_COMPONENT, placePoints, titleOf } from "./axes";
import { Card, labelText, Tip } from "./card";
import { Chosen } from "./chosen";
import { rgbOf } from "./colours";
import { button, counted, element, isDark, userText } from "./dom";
import type { Polygon } from "./geometry";
import { helpWindow } from "./help";
import { Legend } from "./legend";
import { Overlay } from "./overlay";
import { type Data, readData } from "./payload";
import { Pictures } from "./pictures";
import { type Mode, Plot } from "./plot";
import { Pointer } from "./pointer";
import { State } from "./state";

const SIZES = { smallest: 3, largest: 18 };
const INK = { light: rgbOf("#1f2a24"), dark: rgbOf("#eef3ef") };

class App {
  private readonly data: Data;
  private readonly state: State;
  private readonly plot: Plot;
  private readonly overlay: Overlay;
  private readonly pointer: Pointer;
  private readonly legend: Legend;
  private readonly card: Card;
  private readonly tip: Tip;
  private readonly chosen: Chosen;
  private readonly help = helpWindow();
  private readonly stage = element("div", { class: "stage" });
  private readonly said = element("div", { class: "said", role: "status", "aria-live": "polite" });
  private readonly shownText = element("span");
  private readonly showAll = button("Show all", () => this.restore(), { id: "show-all" });
  private readonly found = element("span", { class: "soft small", id: "found" });
  private readonly chooseFound = button("Choose", () => this.chooseShown(), { id: "choose-found", "aria-label": "Choose the matches", hidden: true });
  private readonly field = element("input", { type: "search", id: "search", placeholder: "Search keys  /", "aria-label": "Search by key" });
  private readonly modes = new Map<Mode, HTMLButtonElement>();
  private readonly lassoButton = button("Lasso", () => this.setLasso(!this.pointer.lassoing), { id: "lasso", "aria-pressed": "false" });
  private readonly tabs = new Map<string, HTMLButtonElement>();
  private components: [number, number, number];
  private sameScale = true;
  private hasGlided = false;

  constructor(data: Data, host: HTMLElement) {
    this.data = data;
    this.state = new State(data);
    this.components = firstComponents(data);
    const pictures = new Pictures(data);
    host.append(this.header(), this.body());
    const area = element("div", { class: "plot" });
    this.stage.prepend(area);
    this.plot = new Plot(area, data.keys.length, { drawn: () => this.overlay?.draw() });
    this.overlay = new Overlay(this.plot, this.state, pictures);
    this.pointer = new Pointer(this.plot, this.overlay, {
      point: (point, x, y) => this.point(point, x, y),
      pick: (point) => this.pick(point),
      choose: (polygon, add) => this.choose(polygon, add),
    });
    this.legend = new Legend(this.state, () => this.repaint());
    this.card = new Card(this.state, pictures, (point) => this.pick(point, true));
    this.tip = new Tip(this.state, pictures);
    this.chosen = new Chosen(this.state, {
      pick: (point) => this.pick(point, true), clear: () => this.setChosen([]), say: (text) => this.say(text),
    });
    this.place();
    this.begin();
  }

  /** Put the parts that depend on the plot into the page. */
  private place(): void {
    document.querySelector(".colour")!.append(this.colourSelect(), this.legend.element);
    document.querySelector(".dock")!.append(this.card.element, this.chosen.element);
    this.stage.append(this.tip.element, this.said);
    document.body.append(this.help, this.tabBar());
    this.plot.surface.tabIndex = 0;
    this.plot.surface.setAttribute("role", "application");
    this.plot.surface.setAttribute("aria-label", `Plot of ${counted(this.data.keys.length, "image")}. Press ? for the keys.`);
  }

  private begin(): void {
    this.layOut();
    this.reset();
    this.setMode("2");
    this.retheme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.retheme());
    document.addEventListener("keydown", (event) => this.press(event));
  }

  // --- the elements

  private header(): HTMLElement {
    const { data } = this;
    const all = data.keys.length === data.images;
    const sample = `${data.keys.length.toLocaleString("en")} of ${counted(data.images, "image")}: a fair sample, chosen by the hash of the key`;
    const facts = element("div", { class: "soft facts" });
    const images = element("span", { id: "sample" }, all ? counted(data.images, "image") : sample);
    facts.append(images, " · run ", userText(data.runId), ` · finished ${data.finishedAt}`);
    const made = element("header", {}, element("h1", {}, "Fruits! explorer"), facts);
    if (data.notes.length) made.append(this.notes());
    made.append(element("nav", {},
      element("a", { href: "report.html" }, "Report"),
      button("◐", () => this.switchTheme(), { "aria-label": "Light or dark", title: "Light or dark", id: "theme" }),
      button("?", () => this.help.showModal(), { "aria-label": "Help", title: "Help", id: "help" })));
    return made;
  }

  private notes(): HTMLElement {
    const paragraphs = this.data.notes.map((note) => element("p", {}, note));
    return element("details", { class: "notes" }, element("summary", {}, counted(paragraphs.length, "note")), element("div", {}, ...paragraphs));
  }

  private body(): HTMLElement {
    const choose = button("Choose", () => this.chooseShown(), { "aria-label": "Choose the shown images" });
    const shown = element("p", { class: "line shown" }, this.shownText, choose, this.showAll);
    const panel = element("aside", { class: "panel" },
      element("section", { class: "axes", "aria-label": "View" }, ...this.axisTools()),
      element("section", { class: "colour", "aria-label": "Colour" }, shown));
    const search = element("div", { class: "float search", role: "search" }, this.field, this.found, this.chooseFound);
    this.field.addEventListener("input", () => this.search());
    this.field.addEventListener("keydown", (event) => this.searchKey(event));
    this.stage.append(search, this.toolbar(), element("div", { class: "dock" }));
    return element("main", {}, panel, this.stage);
  }

  private toolbar(): HTMLElement {
    for (const mode of ["2", "3"] as const) {
      this.modes.set(mode, button(`${mode}-D`, () => this.setMode(mode), { "aria-pressed": "false", id: `mode-${mode}` }));
    }
    const group = element("span", { class: "group", role: "group", "aria-label": "Dimensions" }, ...this.modes.values());
    return element("div", { class: "float tools", role: "toolbar", "aria-label": "View" }, group, this.lassoButton,
      button("Reset", () => this.reset(), { id: "reset" }),
      button("+", () => this.plot.zoomBy(1.4), { "aria-label": "Zoom in" }),
      button("−", () => this.plot.zoomBy(1 / 1.4), { "aria-label": "Zoom out" }));
  }

  private axisTools(): HTMLElement[] {
    const selects = ["x", "y", "z"].map((name, i) => this.axisSelect(name, i));
    const size = element("input", {
      type: "range", min: String(SIZES.smallest), max: String(SIZES.largest), step: "1", id: "size",
      value: String(defaultSize(this.data.keys.length)), "aria-label": "Size of the points",
      input: () => this.plot.setPointSize(size.valueAsNumber),
    });
    return [
      ...selects,
      element("label", { class: "line" }, element("span", {}, "size"), size),
      this.checkbox("same scale on all axes", true, (on) => this.setSameScale(on)),
      this.checkbox("pictures for points", false, (on) => this.setPictures(on)),
    ];
  }

  private checkbox(text: string, checked: boolean, change: (on: boolean) => void): HTMLElement {
    const box = element("input", { type: "checkbox", checked, change: () => change(box.checked) });
    return element("label", { class: "line check" }, box, text);
  }

  private axisSelect(name: string, place: number): HTMLElement {
    const select = element("select", { id: `axis-${name}`, "aria-label": `Component on the ${name} axis` });
    for (let c = 0; c < this.data.components; c++) select.append(element("option", { value: String(c) }, titleOf(this.data, c)));
    if (this.data.components < this.components.length) select.append(element("option", { value: String(NO_COMPONENT) }, "none"));
    select.value = String(this.components[place]);
    select.addEventListener("change", () => this.setComponent(place, Number(select.value)));
    return element("label", { class: "line" }, element("span", {}, name), select);
  }

  private colourSelect(): HTMLElement {
    const { state } = this;
    const select = element("select", { id: "colour", "aria-label": "Colour by" });
    state.columns.forEach((column, i) => select.append(element("option", { value: String(i) }, column.title.replaceAll("_", " "))));
    select.addEventListener("change", () => {
      state.column = state.columns[Number(select.value)]!;
      this.legend.build();
    });
    return element("label", { class: "line" }, element("span", {}, "colour"), select);
  }

  /** On a phone, the tabs at the bottom open one part at a time. */
  private tabBar(): HTMLElement {
    const bar = element("div", { class: "tabs", role: "group", "aria-label": "Panels" });
    for (const [name, text] of [["colour", "Colour"], ["axes", "View"], ["card", "Image"], ["chosen", "Chosen"]] as const) {
      const tab = button(text, () => this.openSheet(document.body.dataset["sheet"] === name ? "" : name), { id: `tab-${name}` });
      this.tabs.set(name, tab);
      bar.append(tab);
    }
    this.openSheet("");
    return bar;
  }

  private openSheet(name: string): void {
    document.body.dataset["sheet"] = name;
    for (const [other, tab] of this.tabs) tab.setAttribute("aria-expanded", String(other === name));
    this.tabs.get("card")!.disabled = this.state.picked === null;
    this.tabs.get("chosen")!.disabled = this.state.chosen.size === 0;
  }

  // --- what the user does

  private layOut(): void {
    const { positions, axes } = placePoints(this.data, this.components, this.sameScale);
    const glide = this.hasGlided && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.hasGlided = true;
    this.plot.setPositions(positions, axes, glide);
  }

  private setComponent(place: number, component: number): void {
    this.components[place] = component;
    this.layOut();
    this.reset();
  }

  private setSameScale(on: boolean): void {
    this.sameScale = on;
    this.layOut();
    this.reset();
  }

  private setPictures(on: boolean): void {
    this.overlay.showsPictures = on;
    this.plot.request();
  }

  private setMode(mode: Mode): void {
    this.plot.setMode(mode);
    for (const [name, pressed] of this.modes) pressed.setAttribute("aria-pressed", String(name === mode));
    this.plot.setDragging(!this.pointer.lassoing);
  }

  private setLasso(on: boolean): void {
    this.pointer.lassoing = on;
    this.pointer.cancel();
    this.plot.setDragging(!on);
    this.lassoButton.setAttribute("aria-pressed", String(on));
    this.stage.classList.toggle("lassoing", on);
  }

  private repaint(): void {
    this.state.paint(this.plot.cloud, isDark());
    const { visibleCount, n } = this.state;
    const share = visibleCount === n ? "All" : `${visibleCount.toLocaleString("en")} of`;
    this.shownText.textContent = `${share} ${counted(n, "image")} shown`;
    this.showAll.disabled = visibleCount === n;
    this.tellMatches();
    this.plot.request();
  }

  private restore(): void {
    this.state.showAll();
    this.legend.update();
    this.repaint();
  }

  private retheme(): void {
    this.plot.setColours(isDark() ? INK.dark : INK.light);
    this.plot.setPointSize((document.getElementById("size") as HTMLInputElement).valueAsNumber);
    this.legend.build();
  }

  private switchTheme(): void {
    document.documentElement.dataset["theme"] = isDark() ? "light" : "dark";
    this.retheme();
  }

  private point(point: number, x: number, y: number): void {
    this.overlay.pointedAt = point;
    this.stage.classList.toggle("pointing", point >= 0);
    if (point < 0) this.tip.hide();
    else this.tip.show(point, x, y, this.plot.width, this.plot.height);
    this.plot.request();
  }

  private pick(point: number | null, reveal = false): void {
    this.state.picked = point;
    this.card.update();
    this.openSheet(point === null ? "" : "card");
    if (point !== null && reveal) this.plot.reveal(point, this.covered());
    if (point === null) this.say("No image is picked.");
    else this.say("Picked ", userText(this.data.keys[point]!), ", ", labelText(this.state, point), ".");
    this.plot.request();
  }

  /** Return the width of the part of the plot that cards cover. */
  private covered(): number {
    const dock = this.card.element.parentElement!;
    const isEmpty = this.card.element.hidden && this.chosen.element.hidden;
    return isEmpty || getComputedStyle(dock).display === "contents" ? 0 : dock.offsetWidth + 24;
  }

  private reset(): void {
    this.plot.reset(this.covered());
  }

  private choose(polygon: Polygon, add: boolean): void {
    this.plot.project();
    this.setChosen([...(add ? this.state.chosen : []), ...this.plot.within(polygon)]);
    if (this.state.chosen.size) this.openSheet("chosen");
  }

  private setChosen(points: number[]): void {
    this.state.chosen = new Set(points);
    this.chosen.update();
    this.openSheet("");
    this.repaint();
    this.say(points.length ? `${counted(this.state.chosen.size, "image")} chosen.` : "No image is chosen.");
  }

  private search(): void {
    this.state.search(this.field.value);
    this.repaint();
  }

  private tellMatches(): void {
    const { matches, hiddenMatches } = this.state;
    const more = hiddenMatches ? `, ${hiddenMatches.toLocaleString("en")} hidden` : "";
    this.found.textContent = matches ? `${matches.size.toLocaleString("en")} ${matches.size === 1 ? "match" : "matches"}${more}` : "";
    this.chooseFound.hidden = !matches?.size;
  }

  /** Choose the matches of the search, or all images that are shown: a lasso for those who use no pointer. */
  private chooseShown(): void {
    const { matches, visible } = this.state;
    this.setChosen([...(matches ?? Array.from(visible.keys()).filter((i) => visible[i]))]);
    this.openSheet("chosen");
  }

  private searchKey(event: KeyboardEvent): void {
    if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.clearSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private clearSearch(): void {
    this.field.value = "";
    this.search();
    this.plot.surface.focus();
  }

  /** Pick the next or the previous image of the matches, of the chosen, or of all that are shown. */
  private step(by: 1 | -1): void {
    const { matches, chosen, visible, picked } = this.state;
    const among = matches ?? (chosen.size ? chosen : null);
    const list = Array.from(visible.keys()).filter((i) => visible[i] && (!among || among.has(i)));
    if (!list.length) return this.say("There is no image to go to.");
    const place = picked === null ? -1 : list.indexOf(picked);
    const next = place < 0 ? (by > 0 ? 0 : list.length - 1) : (place + by + list.length) % list.length;
    this.pick(list[next]!, true);
  }

  private say(...parts: (Node | string)[]): void {
    this.said.replaceChildren(...parts);
  }

  // --- the keyboard

  private press(event: KeyboardEvent): void {
    const inField = (event.target as HTMLElement).matches?.("input:not([type=checkbox]), select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    if (inField && event.key !== "Escape") return;
    const action = this.actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  }

  private actionOf(key: string): (() => void) | undefined {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.plot.moveBy(-1, 0),
      ArrowRight: () => this.plot.moveBy(1, 0),
      ArrowUp: () => this.plot.moveBy(0, 1),
      ArrowDown: () => this.plot.moveBy(0, -1),
      "+": () => this.plot.zoomBy(1.25),
      "=": () => this.plot.zoomBy(1.25),
      "-": () => this.plot.zoomBy(0.8),
      "2": () => this.setMode("2"),
      "3": () => this.setMode("3"),
      r: () => this.reset(),
      l: () => this.setLasso(!this.pointer.lassoing),
      "/": () => this.field.focus(),
      n: () => this.step(1),
      p: () => this.step(-1),
      "?": () => this.help.showModal(),
      Escape: () => this.undo(),
    };
    return actions[key];
  }

  private undo(): void {
    if (this.pointer.lassoing) this.setLasso(false);
    else if (this.state.picked !== null) this.pick(null);
    else if (this.state.chosen.size) this.setChosen([]);
    else this.clearSearch();
  }

  /** What tests and scripts may ask: docs/explorer.md describes it. */
  get handle(): object {
    const { data, state, plot } = this;
    return {
      keys: data.keys,
      mode: () => plot.mode,
      visible: () => state.visibleCount,
      shown: () => data.keys.filter((_, i) => state.visible[i]),
      chosen: () => this.chosen.points.map((point) => data.keys[point]),
      picked: () => (state.picked === null ? null : data.keys[state.picked]),
      frames: () => plot.frames,
      settled: () => !plot.isGliding,
      turn: (around: number, over: number) => plot.turnBy(around, over),
      move: (right: number, up: number) => plot.moveBy(right, up),
      screen: () => this.places(),
      at: (x: number, y: number) => data.keys[plot.pick(x, y, plot.radius)] ?? null,
    };
  }

  /** Return x and y of each point in CSS pixels of the plot. */
  private places(): [number, number][] {
    this.plot.project();
    return this.data.keys.map((_, i) => [this.plot.screen[3 * i]!, this.plot.screen[3 * i + 1]!]);
  }
}

/** Choose smaller points for more images, so that clusters remain visible. */
function defaultSize(n: number): number {
  return n > 8000 ? 6 : n > 1500 ? 8 : 10;
}

function fail(host: HTMLElement, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  host.replaceChildren(element("p", { class: "failed", role: "alert" },
    `The explorer can't show the images (${reason}). It needs a browser of 2023 or later, with WebGL.`));
}

async function start(): Promise<void> {
  const host = document.getElementById("app")!;
  try {
    const app = new App(await readData(), host);
    (window as unknown as { fruits: object }).fruits = app.handle;
  } catch (error) {
    fail(host, error);
  }
}

void start();
