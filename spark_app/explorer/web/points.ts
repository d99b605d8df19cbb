// The points on the graphics processor: one draw call for all of them.

import { BufferAttribute, BufferGeometry, Color, DynamicDrawUsage, Points, ShaderMaterial } from "three";

/** What a point looks like beside its colour. */
export const enum Emphasis {
  Hidden = 0,
  Dimmed = 1,
  Normal = 2,
  Strong = 3,
}

const VERTEX = `
attribute vec4 tint;
attribute vec2 look;
uniform float size, near, far, fog;
varying vec3 colour;
varying float alpha, shape, radius, strong;
void main() {
  vec4 seen = modelViewMatrix * vec4(position, 1.0);
  gl_Position = projectionMatrix * seen;
  float depth = clamp((-seen.z - near) / (far - near), 0.0, 1.0);
  strong = step(2.5, look.y);
  float scale = mix(1.0, mix(1.3, 0.75, depth), fog) * (1.0 + 0.45 * strong);
  gl_PointSize = size * scale;
  radius = gl_PointSize / 2.0;
  shape = look.x;
  colour = tint.rgb;
  alpha = (look.y < 1.5 ? 0.13 : 0.9) * mix(1.0, mix(1.0, 0.6, depth), fog * (1.0 - strong));
}`;

/** The shapes of `SHAPES` in colours.ts as signed distances. */
const FRAGMENT = `
uniform vec3 edge;
varying vec3 colour;
varying float alpha, shape, radius, strong;
float triangle(vec2 p) { return max(abs(p.x) * 0.8660 - p.y * 0.5, p.y) - 0.5; }
float distanceTo(vec2 p) {
  if (shape < 0.5) return length(p) - 0.9;
  if (shape < 1.5) return max(abs(p.x), abs(p.y)) - 0.75;
  if (shape < 2.5) return triangle(p - vec2(0.0, 0.15));
  if (shape < 3.5) return (abs(p.x) + abs(p.y) - 1.0) * 0.7071;
  if (shape < 4.5) return max(min(abs(p.x), abs(p.y)) - 0.32, max(abs(p.x), abs(p.y)) - 0.9);
  return triangle(vec2(p.x, -p.y) - vec2(0.0, 0.15));
}
void main() {
  float pixels = distanceTo(gl_PointCoord * 2.0 - 1.0) * radius;
  float cover = clamp(0.5 - pixels, 0.0, 1.0);
  if (cover <= 0.0) discard;
  float inner = clamp(-pixels - mix(0.6, 0.8, strong), 0.0, 1.0);
  vec3 outline = mix(colour * 0.72, edge, strong);
  gl_FragColor = vec4(mix(outline, colour, inner), alpha * cover);
}`;

const BUCKETS = 1024;

export class Cloud {
  readonly object: Points;
  readonly positions: Float32Array;
  /** Red, green and blue of each point, and a byte that aligns them. */
  readonly tints: Uint8Array;
  /** Shape and emphasis of each point. */
  readonly looks: Uint8Array;
  private readonly order: Uint32Array;
  private readonly bucketOf: Uint16Array;
  private readonly material: ShaderMaterial;
  private readonly geometry = new BufferGeometry();
  private readonly n: number;
  /** Number of points that the last frame drew; they are the first of `order`. */
  drawn = 0;

  constructor(n: number) {
    this.n = n;
    this.positions = new Float32Array(3 * n);
    this.tints = new Uint8Array(4 * n).fill(255);
    this.looks = new Uint8Array(2 * n);
    this.order = new Uint32Array(n);
    this.bucketOf = new Uint16Array(n);
    const uniforms = { size: { value: 8 }, near: { value: 0 }, far: { value: 1 }, fog: { value: 0 }, edge: { value: new Color() } };
    this.material = new ShaderMaterial({
      uniforms, vertexShader: VERTEX, fragmentShader: FRAGMENT, transparent: true, depthTest: false, depthWrite: false,
    });
    this.addAttributes();
    this.object = new Points(this.geometry, this.material);
    this.object.frustumCulled = false;
  }

  private addAttributes(): void {
    this.geometry.setAttribute("position", new BufferAttribute(this.positions, 3));
    this.geometry.setAttribute("tint", new BufferAttribute(this.tints, 4, true));
    this.geometry.setAttribute("look", new BufferAttribute(this.looks, 2));
    this.geometry.setIndex(new BufferAttribute(this.order, 1));
    for (const attribute of [this.geometry.index!, ...Object.values(this.geometry.attributes)]) {
      (attribute as BufferAttribute).setUsage(DynamicDrawUsage);
    }
  }

  set(uniform: "size" | "near" | "far" | "fog", value: number): void {
    this.material.uniforms[uniform]!.value = value;
  }

  setEdge([red, green, blue]: [number, number, number]): void {
    this.material.uniforms["edge"]!.value.setRGB(red / 255, green / 255, blue / 255);
  }

  changed(attribute: "position" | "tint" | "look"): void {
    (this.geometry.attributes[attribute] as BufferAttribute).needsUpdate = true;
  }

  emphasisOf(point: number): number {
    return this.looks[2 * point + 1]!;
  }

  /**
   * Sort the visible points, so that each is drawn over those that are farther away, or less emphasised.
   *
   * The sort counts, which takes a fraction of a millisecond. It changes an index, never the numbers of the points.
   */
  sort(depths: Float32Array | null, near: number, far: number): void {
    const begins = new Uint32Array(BUCKETS + 1);
    for (let i = 0; i < this.n; i++) {
      const bucket = this.bucket(i, depths, near, far);
      this.bucketOf[i] = bucket;
      if (bucket < BUCKETS) begins[bucket + 1]!++;
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) begins[bucket + 1]! += begins[bucket]!;
    this.drawn = begins[BUCKETS]!;
    for (let i = 0; i < this.n; i++) {
      const bucket = this.bucketOf[i]!;
      if (bucket < BUCKETS) this.order[begins[bucket]!++] = i;
    }
    this.geometry.index!.needsUpdate = true;
    this.geometry.setDrawRange(0, this.drawn);
  }

  /** Return a small number for what is drawn first, and `BUCKETS` for what is not drawn. */
  private bucket(point: number, depths: Float32Array | null, near: number, far: number): number {
    const emphasis = this.emphasisOf(point);
    if (emphasis === Emphasis.Hidden) return BUCKETS;
    if (emphasis === Emphasis.Strong && depths === null) return BUCKETS - 1;
    if (emphasis === Emphasis.Dimmed) return 0;
    if (depths === null) return 1;
    const share = (far - depths[point]!) / (far - near);
    return 1 + Math.round(Math.min(1, Math.max(0, share)) * (BUCKETS - 2));
  }

  /** The points that the last frame drew, the first drawn first. */
  *inOrder(): Iterable<number> {
    for (let i = 0; i < this.drawn; i++) yield this.order[i]!;
  }

  orderAt(place: number): number {
    return this.order[place]!;
  }

  dispose(): void {
    this.geometry.dispose();
    this.material.dispose();
  }
}
