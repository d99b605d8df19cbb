// The keys, and the window that lists them.

import { button, element } from "./dom";

const KEYS: [string, string][] = [
  ["arrows", "move in 2-D, turn in 3-D"],
  ["+  −", "zoom"],
  ["2  3", "2-D, 3-D"],
  ["r", "show all points again"],
  ["/", "search; Enter goes to the next match"],
  ["l", "lasso: drag around images; with Shift, add to the chosen"],
  ["n  p", "pick the next, the previous image: of the matches, the chosen, or all that are shown"],
  ["Esc", "undo the last of: lasso, card, chosen images, search"],
  ["?", "this help"],
];

export function helpWindow(): HTMLDialogElement {
  const list = element("dl");
  for (const [keys, meaning] of KEYS) {
    list.append(element("dt", {}, ...keys.split("  ").map((key) => element("kbd", {}, key))), element("dd", {}, meaning));
  }
  const dialog = element("dialog", { "aria-label": "Help" });
  dialog.append(
    element("h2", {}, "Keyboard"), list,
    element("p", { class: "soft" }, "Drag to move or turn, use the wheel or two fingers to zoom, click or tap an image to pick it. \
In the legend, click hides and shows, double-click or “only” isolates. The page uses no network."),
    button("Close", () => dialog.close()),
  );
  return dialog;
}
