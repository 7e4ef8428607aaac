/**
 * The time of day, for what callers and servers write down and compare: dates in headers, `recordedAt`, an `asOf` of now.
 * Never to measure with: no test asserts how long something takes, nor how much a machine managed meanwhile.
 */
export const timeOfDay = (): Date => new Date();

/** The time a number of milliseconds from now; negative: ago. */
export const hence = (ms: number): Date => new Date(Date.now() + ms);
