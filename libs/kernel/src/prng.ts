/** Chance, handed in: one seed gives one sequence (sfc32 by Chris Doty-Humphrey, 128-bit state). */
export interface Prng {
  /** A whole number of 32 bits. */
  next(): number;
  /** A number in [0, 1). */
  unit(): number;
  /** A whole number in [low, high], both included. */
  range(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function seededPrng(seed: number): Prng {
  let a = seed >>> 0;
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let c = 0x9e37_79b9;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum;
  };
  for (let round = 0; round < 15; round += 1) next();
  const unit = (): number => next() / 0x1_0000_0000;
  return {
    next,
    unit,
    range: (low, high) => low + Math.floor(unit() * (high - low + 1)),
    chance: (probability) => unit() < probability,
    pick: (items) => {
      const item = items[Math.floor(unit() * items.length)];
      if (item === undefined) throw new RangeError('pick from an empty list');
      return item;
    },
  };
}
