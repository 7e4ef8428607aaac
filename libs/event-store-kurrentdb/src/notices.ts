export type Notice = (message: string, details: Readonly<Record<string, unknown>>) => void;

/** The same message goes out once in a while only, with how often it has not. */
export function throttled(notice: Notice | undefined, interval = 30_000): Notice {
  const seen = new Map<string, { at: number; unsaid: number }>();
  return (message, details) => {
    if (!notice) return;
    const before = seen.get(message);
    const now = performance.now();
    if (before && now - before.at < interval) {
      before.unsaid++;
      return;
    }
    seen.set(message, { at: now, unsaid: 0 });
    notice(message, before?.unsaid ? { ...details, unsaidBefore: before.unsaid } : details);
  };
}
