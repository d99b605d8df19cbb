// Elements. Every text goes through textContent, so that a name of a user is never markup.

type Attributes = Record<string, string | boolean | ((event: Event) => void)>;
type Child = Node | string | null;

/** Make an element. A function among the attributes becomes a listener of the event of its name. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child): child is Node | string => child !== null));
  return made;
}

/** Show a name of a user: isolated, so that its direction of writing does not change what stands around it. */
export function userText(text: string, className = ""): HTMLElement {
  const shown = element("bdi", { class: `user ${className}`, dir: "auto", title: text });
  shown.textContent = text;
  return shown;
}

export function button(text: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return element("button", { type: "button", click, ...attributes }, text);
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make a small picture of one path in a square from -1 to 1. */
export function symbol(path: string, colour: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "-1.1 -1.1 2.2 2.2");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill", colour);
  svg.append(shape);
  return svg;
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
