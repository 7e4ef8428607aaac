import { occasionally } from '#pacing';

export type Notice = (message: string, details: Details) => void;
type Details = Readonly<Record<string, unknown>>;

/** The same message goes out once in a while only, with how often it has not. */
export function throttled(notice: Notice | undefined, interval = 30_000): Notice {
  if (!notice) return () => undefined;
  const byMessage = new Map<string, (details: Details) => void>();
  return (message, details) => {
    let say = byMessage.get(message);
    if (!say) {
      say = occasionally(interval, (times, latest: Details) =>
        notice(message, times > 1 ? { ...latest, unsaidBefore: times - 1 } : latest),
      );
      byMessage.set(message, say);
    }
    say(details);
  };
}
