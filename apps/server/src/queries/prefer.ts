import { badRequest } from '#http';

const longestWaitSeconds = 30;

/** `Prefer: wait=n` (RFC 7240) in ms, at most 30 seconds. @throws Problem 400 */
export function waitMs(prefer: string | string[] | undefined, unlessSaid = 2_000): number {
  for (const preference of [prefer ?? []].flat().join(',').split(/[,;]/)) {
    const [name, value] = preference.split('=', 2).map((part) => part.trim());
    if (name?.toLowerCase() !== 'wait') continue;
    if (!value || !/^\d+$/.test(value))
      throw badRequest('InvalidHeader', 'Prefer', 'must have a number of seconds as its wait');
    return Math.min(Number(value), longestWaitSeconds) * 1000;
  }
  return unlessSaid;
}
