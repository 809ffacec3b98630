"""Makes a screenshot small: 256 colours are enough for a page."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

from playwright.sync_api import Page

# The 128 most frequent colours, then those that are missed most; every other pixel takes the nearest of them.
_REDUCE = """async (png) => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (colour) => [colour & 255, colour >> 8 & 255, colour >> 16 & 255];
  const far = ([r, g, b], [x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
  const rest = [...counts].sort((a, b) => b[1] - a[1])
    .map(([colour, n]) => ({ colour, n, of: parts(colour), off: Infinity }));
  const palette = [], known = [];
  const take = (one) => {
    palette.push(one.colour);
    known.push(one.of);
    for (const other of rest) other.off = Math.min(other.off, far(other.of, one.of));
  };
  for (const one of rest.slice(0, 128)) take(one);
  const missed = ({ off, n }) => off * Math.sqrt(n);
  while (palette.length < Math.min(256, rest.length)) take(rest.reduce((a, b) => (missed(b) > missed(a) ? b : a)));
  const index = new Map(palette.map((colour, i) => [colour, i]));
  const nearest = (colour) => {
    let best = 0, least = Infinity;
    known.forEach((one, i) => {
      const off = far(one, parts(colour));
      if (off < least) [best, least] = [i, off];
    });
    return best;
  };
  for (const colour of counts.keys()) if (!index.has(colour)) index.set(colour, nearest(colour));
  const out = Uint8Array.from(pixels, (pixel) => index.get(pixel));
  let text = '';
  for (let at = 0; at < out.length; at += 32768) text += String.fromCharCode(...out.subarray(at, at + 32768));
  return { width: image.width, height: image.height, palette: known.flat(), pixels: btoa(text) };
}"""


def shrink(blank: Page, png: bytes) -> bytes:
    """The picture with a palette; `blank` is any page without a policy, such as about:blank."""
    reduced: dict[str, Any] = blank.evaluate(_REDUCE, base64.b64encode(png).decode())
    width, height = reduced["width"], reduced["height"]
    pixels = base64.b64decode(reduced["pixels"])
    rows = b"".join(b"\x00" + pixels[y * width : (y + 1) * width] for y in range(height))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(reduced["palette"])),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
