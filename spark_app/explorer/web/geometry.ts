// Distances and polygons.

export interface Neighbour {
  point: number;
  distance: number;
}

/** Return the nearest other points by the Euclidean distance along all components, the nearest first. */
export function nearest(coordinates: Float32Array, components: number, point: number, count: number): Neighbour[] {
  const found: Neighbour[] = [];
  const n = components ? coordinates.length / components : 0;
  for (let other = 0; other < n; other++) {
    if (other === point) continue;
    const distance = distanceOf(coordinates, components, point, other);
    if (found.length === count && !(distance < found[count - 1]!.distance)) continue;
    if (found.length === count) found.pop();
    found.splice(placeFor(found, distance), 0, { point: other, distance });
  }
  return found;
}

function placeFor(found: Neighbour[], distance: number): number {
  let place = found.length;
  while (place > 0 && found[place - 1]!.distance > distance) place--;
  return place;
}

function distanceOf(coordinates: Float32Array, components: number, one: number, other: number): number {
  let sum = 0;
  for (let c = 0; c < components; c++) {
    sum += (coordinates[one * components + c]! - coordinates[other * components + c]!) ** 2;
  }
  return Math.sqrt(sum);
}

export type Polygon = [number, number][];

/** Return whether a point is within a polygon, by the even-odd rule. */
export function isWithin(polygon: Polygon, x: number, y: number): boolean {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i]!;
    const [xj, yj] = polygon[j]!;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

/** Return round numbers between two limits, at most about `most` of them. */
export function ticks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / Math.max(1, most);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  return Array.from({ length: count }, (_, i) => (Math.ceil(low / step) + i) * step);
}
