/** A QR code as an image of the page, made here: no server is asked for it. */

import encodeQR from "qr";

const SVG = "http://www.w3.org/2000/svg";

/** The code of this text; `label` says to who cannot see it what it holds. */
export function qrCode(text: string, label: string): SVGSVGElement {
  const rows = encodeQR(text, "raw", { ecc: text.length > 300 ? "low" : "medium", border: 2 });
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  image.setAttribute("class", "qr");
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", label);
  image.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", squares(rows));
  path.setAttribute("fill", "#000000");
  image.append(path);
  return image;
}

/** One path of unit squares, the neighbours in a row joined. */
export function squares(rows: readonly (readonly boolean[])[]): string {
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      const start = x;
      while (row[x]) x += 1;
      if (x > start) path += `M${start} ${y}h${x - start}v1h-${x - start}z`;
    }
  });
  return path;
}
