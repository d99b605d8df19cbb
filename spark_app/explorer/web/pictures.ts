// The pictures: sheets of tiles that are decoded when a tile is wanted.

import { bytesOf, type Data, textOfBlock } from "./payload";

const KEPT_SHEETS = 24;
const KEPT_TILES = 2000;

/** A map that forgets what was not asked for longest. */
class Recent<V> {
  private readonly kept = new Map<number, V>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: number, make: () => V): V {
    const value = this.kept.get(key) ?? make();
    this.kept.delete(key);
    this.kept.set(key, value);
    if (this.kept.size > this.limit) this.kept.delete(this.kept.keys().next().value!);
    return value;
  }
}

export class Pictures {
  private readonly data: Data;
  private readonly texts = textOfBlock("sheets").split("\n");
  private readonly sheets = new Recent<Promise<ImageBitmap>>(KEPT_SHEETS);
  private readonly tiles = new Recent<Promise<ImageBitmap>>(KEPT_TILES);
  private readonly ready = new Map<number, ImageBitmap>();

  constructor(data: Data) {
    this.data = data;
  }

  has(point: number): boolean {
    return this.data.pictured[point] === 1;
  }

  /** Return the picture of a point. The number of a point never changes, whatever is filtered. */
  async tile(point: number): Promise<ImageBitmap> {
    return this.tiles.get(point, () => this.cut(point));
  }

  /** Return the picture if it has been decoded; otherwise decode it, and call back when it is there. */
  tileNow(point: number, later: () => void): ImageBitmap | undefined {
    const tile = this.ready.get(point);
    if (!tile) {
      void this.tile(point).then((bitmap) => {
        if (this.ready.size >= KEPT_TILES) this.ready.clear();
        this.ready.set(point, bitmap);
        later();
      });
    }
    return tile;
  }

  /** Draw the picture of a point on a canvas of the size of a tile, so that the pixels are those of the file. */
  async draw(point: number, canvas: HTMLCanvasElement): Promise<void> {
    const side = this.data.tile;
    canvas.width = canvas.height = side;
    canvas.dataset["point"] = String(point);
    delete canvas.dataset["drawn"];
    const tile = await this.tile(point);
    if (canvas.dataset["point"] !== String(point)) return; // the canvas shows another point by now
    canvas.getContext("2d")!.drawImage(tile, 0, 0);
    canvas.dataset["drawn"] = String(point);
  }

  private async cut(point: number): Promise<ImageBitmap> {
    const number = this.sheetOf(point);
    const place = this.data.sheets[number]!;
    const sheet = await this.sheets.get(number, () => this.decode(number));
    const tile = point - place.first;
    const side = this.data.tile;
    const [x, y] = [tile % place.columns, Math.floor(tile / place.columns)];
    return createImageBitmap(sheet, x * side, y * side, side, side);
  }

  private decode(number: number): Promise<ImageBitmap> {
    return createImageBitmap(new Blob([bytesOf(this.texts[number]!)], { type: "image/webp" }));
  }

  /** Find the sheet of a point by bisection. */
  private sheetOf(point: number): number {
    const { sheets } = this.data;
    let [low, high] = [0, sheets.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (sheets[middle]!.first <= point) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
