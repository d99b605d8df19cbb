// Which components are on the axes, and where that puts the points.

import type { Data } from "./payload";
import type { Axis } from "./plot";

/** In place of the number of a component, for an axis without one. */
export const NO_COMPONENT = -1;

export function titleOf(data: Data, component: number): string {
  if (component === NO_COMPONENT) return "";
  const ratio = data.ratios[component];
  const share = ratio === undefined || !Number.isFinite(ratio) ? "" : ` (${(100 * ratio).toFixed(1)}%)`;
  return `PC${component + 1}${share}`;
}

export function firstComponents(data: Data): [number, number, number] {
  return [0, 1, 2].map((c) => (c < data.components ? c : NO_COMPONENT)) as [number, number, number];
}

/**
 * Place the points in a cube from -1 to 1.
 *
 * With the same scale on all axes, distances mean the same in every direction, as in the components themselves.
 * Otherwise the points take the whole cube.
 */
export function placePoints(data: Data, components: [number, number, number], sameScale: boolean): {
  positions: Float32Array;
  axes: [Axis, Axis, Axis];
} {
  const ranges = components.map((component) => rangeOf(data, component));
  const widest = Math.max(...ranges.map(([low, high]) => high - low)) || 2;
  const axes = ranges.map(([low, high], i) => {
    const scale = (sameScale ? widest : high - low || 2) / 2;
    return { title: titleOf(data, components[i]!), centre: (low + high) / 2, scale, extent: (high - low) / 2 / scale };
  }) as [Axis, Axis, Axis];
  const positions = new Float32Array(3 * data.keys.length);
  axes.forEach((axis, i) => fill(positions, i, data, components[i]!, axis));
  return { positions, axes };
}

function fill(positions: Float32Array, place: number, data: Data, component: number, axis: Axis): void {
  if (component === NO_COMPONENT) return;
  for (let i = 0; i < data.keys.length; i++) {
    positions[3 * i + place] = (data.coordinates[i * data.components + component]! - axis.centre) / axis.scale;
  }
}

function rangeOf(data: Data, component: number): [number, number] {
  if (component === NO_COMPONENT) return [0, 0];
  let [low, high] = [Infinity, -Infinity];
  for (let i = component; i < data.coordinates.length; i += data.components) {
    const value = data.coordinates[i]!;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 0];
}
