/** About how much land there is in a shape, while it is drawn; the service counts it exactly. */
import { ringArea } from "./names";

const METRES_A_DEGREE = 111_320;

/** m² of a polygon's rings, the first of which is its outline; on a sphere, to about a percent. */
export function roughArea(rings: readonly (readonly (readonly number[])[])[]): number {
  const [outline = []] = rings;
  const middle = outline.reduce((sum, [, lat = 0]) => sum + lat, 0) / Math.max(1, outline.length);
  const squareDegree = METRES_A_DEGREE ** 2 * Math.cos((middle * Math.PI) / 180);
  const sizes = rings.map((ring) => Math.abs(ringArea(ring as [number, number][])) / 2);
  return squareDegree * sizes.reduce((left, size, index) => (index ? left - size : size), 0);
}
