// The plot: cameras, controls, and where each point is on the screen.

import { MOUSE, OrthographicCamera, PerspectiveCamera, Scene, TOUCH, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

import { Frame } from "./frame";
import { isWithin, type Polygon } from "./geometry";
import { Cloud, Emphasis } from "./points";

export type Mode = "2" | "3";

/** Where the points are along one of the axes: world = (value - centre) / scale. */
export interface Axis {
  title: string;
  centre: number;
  scale: number;
  /** Half of the extent of the points in world units. */
  extent: number;
}

const FIELD_OF_VIEW = 32;
const MARGIN = 1.14;
const DIRECTION = new Vector3(0.75, 0.5, 1.35).normalize();
const GLIDE_MS = 420;

/** What a plot tells its user. */
export interface Listener {
  /** A frame has been drawn. */
  drawn(): void;
}

export class Plot {
  readonly cloud: Cloud;
  readonly surface: HTMLCanvasElement;
  /** x and y in CSS pixels, and the distance from the camera; three numbers per point. */
  readonly screen: Float32Array;
  mode: Mode = "2";
  frames = 0;
  width = 1;
  height = 1;
  private readonly n: number;
  private readonly host: HTMLElement;
  private readonly listener: Listener;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly flat = new OrthographicCamera(-1, 1, 1, -1, -100, 100);
  private readonly deep = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.01, 200);
  private readonly flatControls: OrbitControls;
  private readonly deepControls: OrbitControls;
  private readonly frame: Frame;
  private axes: [Axis, Axis, Axis];
  private pending = 0;
  private glideFrom: Float32Array | null = null;
  private glideTo: Float32Array | null = null;
  private glideStart = 0;
  private pointSize = 8;
  private covered = 0;

  constructor(host: HTMLElement, n: number, listener: Listener) {
    this.host = host;
    this.n = n;
    this.listener = listener;
    this.screen = new Float32Array(3 * n);
    this.cloud = new Cloud(n);
    this.frame = new Frame(host);
    this.renderer = new WebGLRenderer({ antialias: false, alpha: true, powerPreference: "high-performance" });
    host.append(this.renderer.domElement);
    this.surface = document.createElement("canvas");
    this.surface.className = "surface";
    host.append(this.surface);
    this.scene.add(this.cloud.object);
    const none = { title: "", centre: 0, scale: 1, extent: 1 };
    this.axes = [none, none, none];
    this.flatControls = this.controlsOf(this.flat);
    this.deepControls = this.controlsOf(this.deep);
    this.setUpControls();
    new ResizeObserver(() => this.resize()).observe(host);
    this.resize();
  }

  private controlsOf(camera: OrthographicCamera | PerspectiveCamera): OrbitControls {
    const controls = new OrbitControls(camera as never, this.surface);
    controls.enableDamping = false;
    controls.addEventListener("change", () => this.request());
    return controls;
  }

  private setUpControls(): void {
    Object.assign(this.flatControls, { enableRotate: false, zoomToCursor: true, minZoom: 0.4, maxZoom: 400 });
    this.flatControls.mouseButtons = { LEFT: MOUSE.PAN, MIDDLE: MOUSE.DOLLY, RIGHT: MOUSE.PAN };
    this.flatControls.touches = { ONE: TOUCH.PAN, TWO: TOUCH.DOLLY_PAN };
    Object.assign(this.deepControls, { minDistance: 0.15, maxDistance: 30 });
    this.setMode("2");
  }

  private get camera(): OrthographicCamera | PerspectiveCamera {
    return this.mode === "2" ? this.flat : this.deep;
  }

  private get controls(): OrbitControls {
    return this.mode === "2" ? this.flatControls : this.deepControls;
  }

  setMode(mode: Mode): void {
    this.mode = mode;
    this.flatControls.enabled = mode === "2";
    this.deepControls.enabled = mode === "3";
    this.request();
  }

  /** Let drags move the camera, or leave them to the lasso. */
  setDragging(free: boolean): void {
    this.controls.enabled = free;
  }

  setPointSize(size: number): void {
    this.pointSize = size;
    this.request();
  }

  get radius(): number {
    return this.pointSize / 2;
  }

  /** Move the points to other places, at once or in a glide. */
  setPositions(positions: Float32Array, axes: [Axis, Axis, Axis], glide: boolean): void {
    this.axes = axes;
    this.glideFrom = glide ? this.cloud.positions.slice() : null;
    this.glideTo = positions;
    this.glideStart = performance.now();
    this.moveOn();
    this.request();
  }

  /** Move the points by the share of the glide that has passed. */
  private moveOn(): void {
    if (!this.glideTo) return;
    const passed = this.glideFrom ? Math.min(1, (performance.now() - this.glideStart) / GLIDE_MS) : 1;
    const share = passed * passed * (3 - 2 * passed);
    const { positions } = this.cloud;
    if (passed === 1) positions.set(this.glideTo);
    else positions.forEach((_, i) => (positions[i] = this.glideFrom![i]! * (1 - share) + this.glideTo![i]! * share));
    this.cloud.changed("position");
    if (passed === 1) this.glideTo = this.glideFrom = null;
  }

  get isGliding(): boolean {
    return this.glideTo !== null;
  }

  /** Show all points again, beside what covers the right of the plot. */
  reset(covered: number): void {
    this.covered = covered;
    this.fit();
    this.flat.position.set(0, 0, 10);
    this.flat.zoom = 1;
    this.flatControls.target.set(0, 0, 0);
    const angle = (FIELD_OF_VIEW / 2) * (Math.PI / 180);
    const distance = (this.reach / Math.sin(angle)) * Math.max(1, 0.94 / this.freeAspect) * 0.98;
    this.deep.position.copy(DIRECTION).multiplyScalar(distance);
    this.deepControls.target.set(0, 0, 0);
    for (const controls of [this.flatControls, this.deepControls]) controls.update();
    this.flat.updateProjectionMatrix();
    this.request();
  }

  /** Choose the borders of the flat camera so that the points fit at zoom 1. */
  private fit(): void {
    const aspect = this.width / this.height;
    const [x, y] = this.axes;
    const half = Math.max(y.extent, x.extent / this.freeAspect) * MARGIN || 1; // one place has no extent
    Object.assign(this.flat, { left: -half * aspect, right: half * aspect, top: half, bottom: -half });
    for (const camera of [this.flat, this.deep]) {
      camera.setViewOffset(this.width, this.height, this.covered / 2, 0, this.width, this.height);
    }
  }

  /** Distance from the centre of the points to the corners of the box around them. */
  private get reach(): number {
    return Math.hypot(...this.axes.map((axis) => axis.extent)) || 1;
  }

  private get freeAspect(): number {
    return Math.max(1, this.width - this.covered) / this.height;
  }

  private resize(): void {
    this.width = Math.max(1, this.host.clientWidth);
    this.height = Math.max(1, this.host.clientHeight);
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(this.width, this.height);
    this.frame.resize(this.width, this.height, ratio);
    this.surface.width = this.width * ratio;
    this.surface.height = this.height * ratio;
    this.deep.aspect = this.width / this.height;
    this.deep.updateProjectionMatrix();
    this.fit();
    this.request();
  }

  get pixelRatio(): number {
    return this.renderer.getPixelRatio();
  }

  /** Draw a frame soon. Several requests make one frame. */
  request(): void {
    if (!this.pending) this.pending = requestAnimationFrame(() => this.render());
  }

  private render(): void {
    this.pending = 0;
    this.moveOn();
    this.project();
    const [near, far] = this.depthRange();
    this.cloud.sort(this.mode === "3" ? this.depths() : null, near, far);
    this.cloud.set("size", this.pointSize * this.pixelRatio);
    this.cloud.set("near", near);
    this.cloud.set("far", far);
    this.cloud.set("fog", this.mode === "3" ? 1 : 0);
    this.renderer.render(this.scene, this.camera);
    this.frame.draw(this.mode, this.axes, (x, y, z) => this.placeOf(x, y, z), (x, y) => this.valueAt(x, y));
    this.frames++;
    this.listener.drawn();
    if (this.glideTo) this.request();
  }

  private readonly depthsOfPoints: { array: Float32Array | null } = { array: null };

  private depths(): Float32Array {
    const depths = (this.depthsOfPoints.array ??= new Float32Array(this.n));
    for (let i = 0; i < this.n; i++) depths[i] = this.screen[3 * i + 2]!;
    return depths;
  }

  private depthRange(): [number, number] {
    const distance = this.deep.position.length();
    return [Math.max(0.01, distance - this.reach), distance + this.reach];
  }

  private matrix(): number[] {
    this.camera.updateMatrixWorld();
    return this.camera.projectionMatrix.clone().multiply(this.camera.matrixWorldInverse).elements;
  }

  /** Compute where each point is on the screen. */
  project(): void {
    const m = this.matrix();
    const { positions } = this.cloud;
    for (let i = 0; i < this.n; i++) {
      this.projectOne(m, positions[3 * i]!, positions[3 * i + 1]!, positions[3 * i + 2]!, this.screen, 3 * i);
    }
  }

  private projectOne(m: number[], x: number, y: number, z: number, target: Float32Array | number[], at: number): void {
    const w = m[3]! * x + m[7]! * y + m[11]! * z + m[15]!;
    const behind = w <= 0;
    target[at] = behind ? NaN : ((m[0]! * x + m[4]! * y + m[8]! * z + m[12]!) / w * 0.5 + 0.5) * this.width;
    target[at + 1] = behind ? NaN : (0.5 - (m[1]! * x + m[5]! * y + m[9]! * z + m[13]!) / w * 0.5) * this.height;
    target[at + 2] = w;
  }

  /** Return the place of a point of the world on the screen. */
  private placeOf(x: number, y: number, z: number): [number, number] {
    const place = [0, 0, 0];
    this.projectOne(this.matrix(), x, y, z, place, 0);
    return [place[0]!, place[1]!];
  }

  /** Return the coordinates along the x and y axes of a place on the flat screen. */
  private valueAt(x: number, y: number): [number, number] {
    const place = new Vector3((x / this.width) * 2 - 1, 1 - (y / this.height) * 2, 0).unproject(this.flat);
    const [horizontal, vertical] = this.axes;
    return [place.x * horizontal.scale + horizontal.centre, place.y * vertical.scale + vertical.centre];
  }

  isShown(point: number): boolean {
    return this.cloud.emphasisOf(point) !== Emphasis.Hidden;
  }

  /** Return the point that is drawn at a place on top of others, or else the nearest one; -1 without one in reach. */
  pick(x: number, y: number, reach: number): number {
    let [best, least] = [-1, reach];
    for (let place = this.cloud.drawn - 1; place >= 0; place--) {
      const point = this.cloud.orderAt(place);
      const distance = Math.hypot(this.screen[3 * point]! - x, this.screen[3 * point + 1]! - y);
      if (distance <= this.radius * 0.8) return point;
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  /** Return the shown points within a polygon on the screen, in the order of their numbers. */
  within(polygon: Polygon): number[] {
    return Array.from(this.cloud.inOrder())
      .filter((point) => isWithin(polygon, this.screen[3 * point]!, this.screen[3 * point + 1]!))
      .sort((a, b) => a - b);
  }

  zoomBy(factor: number): void {
    if (this.mode === "2") {
      this.flat.zoom = Math.min(400, Math.max(0.4, this.flat.zoom * factor));
      this.flat.updateProjectionMatrix();
    } else {
      const { target } = this.deepControls;
      this.deep.position.sub(target).divideScalar(factor).add(target);
    }
    this.controls.update();
    this.request();
  }

  /** Pan the flat view, or turn the deep one, by steps to the right and up. */
  moveBy(right: number, up: number): void {
    if (this.mode === "2") this.panBy(right, up);
    else this.turnBy(right * 0.12, up * 0.12);
    this.controls.update();
    this.request();
  }

  private panBy(right: number, up: number): void {
    const step = ((this.flat.top - this.flat.bottom) / this.flat.zoom) * 0.08;
    for (const vector of [this.flat.position, this.flatControls.target]) vector.add(new Vector3(right * step, up * step, 0));
  }

  turnBy(around: number, over: number): void {
    const { target } = this.deepControls;
    const arm = this.deep.position.clone().sub(target);
    arm.applyAxisAngle(new Vector3(0, 1, 0), around);
    const polar = Math.min(Math.PI - 0.02, Math.max(0.02, arm.angleTo(new Vector3(0, 1, 0)) - over));
    const flat = Math.hypot(arm.x, arm.z);
    const length = arm.length();
    const [x, z] = flat ? [arm.x / flat, arm.z / flat] : [0, 1];
    arm.set(x * Math.sin(polar), Math.cos(polar), z * Math.sin(polar)).multiplyScalar(length);
    this.deep.position.copy(target).add(arm);
    this.controls.update();
    this.request();
  }

  /** Move the view to a point that is outside of it, or in the covered part on the right. */
  reveal(point: number, covered: number): void {
    this.project();
    const [x, y] = [this.screen[3 * point]!, this.screen[3 * point + 1]!];
    if (x >= 0 && x <= this.width - covered && y >= 0 && y <= this.height) return;
    const place = new Vector3().fromArray(this.cloud.positions, 3 * point);
    if (this.mode === "2") place.z = 0;
    const shift = place.sub(this.controls.target);
    this.camera.position.add(shift);
    this.controls.target.add(shift);
    this.controls.update();
    this.request();
  }

  setColours(ink: [number, number, number]): void {
    this.cloud.setEdge(ink);
    this.frame.readColours();
    this.request();
  }
}
