/** The axis of an interval plot: numbers to per cent of the width. */
import { type ScaleLinear, scaleLinear } from "d3-scale";

export interface Axis {
  scale: ScaleLinear<number, number>;
  ticks: number[];
}

/** One axis for all intervals of a plot, with a little room on both sides. */
export function axis(intervals: { lower: number; upper: number }[], count = 4): Axis {
  const lowest = Math.min(...intervals.map((i) => i.lower));
  const highest = Math.max(...intervals.map((i) => i.upper));
  const room = Math.max((highest - lowest) * 0.06, 5);
  const scale = scaleLinear([lowest - room, highest + room], [0, 100]);
  return { scale, ticks: scale.ticks(count) };
}

/** The axis of shares: none to all. */
export const shares: Axis = { scale: scaleLinear([0, 1], [0, 100]), ticks: [0, 0.5, 1] };
