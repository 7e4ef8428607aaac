import { Problem } from '#http';

/** The clocks of a machine, in milliseconds. */
export interface Clocks {
  /** The time of day, since 1970. It can be set to anything at any moment. */
  readonly wall: () => number;
  /** Only ever goes forward, at the same pace. It may stand still while the machine sleeps. */
  readonly monotonic: () => number;
  /** The same, and goes on while the machine sleeps; dearer to read. */
  readonly uptime: () => number;
}

/** The time of day has gone further than time has passed. */
export interface ClockJump {
  /** What the clock reads. */
  readonly reads: string;
  /** What it would read if it had gone on as before. */
  readonly expected: string;
}

/** What is known of the clock outside this process. */
export interface ClockNotes {
  /** The jump that an earlier run has left behind: nobody had agreed to it. */
  readonly left: () => ClockJump | undefined;
  readonly write: (jump: ClockJump) => void;
  /** The time that a person says is right, if there is such a word. */
  readonly agreed: () => number | undefined;
  readonly clear: () => void;
}

const noNotes: ClockNotes = {
  left: () => undefined,
  write: () => undefined,
  agreed: () => undefined,
  clear: () => undefined,
};

export interface TrustedClockOptions {
  readonly clocks: Clocks;
  /** How far the clock may jump forward and still be trusted, in milliseconds. */
  readonly jumpMax?: number;
  readonly notes?: ClockNotes;
  /** Called with each reading that is not trusted. */
  readonly onJump?: (jump: ClockJump) => void;
  /** The clock is trusted again: a person has agreed to the jump, or the clock has come back. */
  readonly onTrusted?: (jump: ClockJump, because: 'agreed' | 'cameBack') => void;
}

const oneDay = 24 * 60 * 60 * 1_000;

/**
 * The clock of the server, as long as it can be trusted. The rules count from it, and events are for ever: under a clock
 * of next year, every subscription has ended. So each reading is judged by the time that has passed since the first one.
 */
export class TrustedClock {
  private readonly options: Required<TrustedClockOptions>;
  /** The reading that later ones are judged by. */
  private since: Readonly<Record<keyof Clocks, number>>;
  private standing: ClockJump | undefined;

  constructor({ clocks, ...options }: TrustedClockOptions) {
    this.options = {
      jumpMax: oneDay,
      notes: noNotes,
      onJump: () => undefined,
      onTrusted: () => undefined,
      ...options,
      clocks,
    };
    this.since = this.from(this.startOf(clocks.wall()));
  }

  /** The time, RFC 3339 in UTC with milliseconds. @throws Problem 503 while the clock is not trusted */
  now(): string {
    const { wall, jump } = this.reading();
    if (jump) throw new Problem('ClockNotTrusted', { outcome: 'none', clock: jump }, { 'Retry-After': '60' });
    return instant(wall);
  }

  trusted(): boolean {
    return this.jump() === undefined;
  }

  /** Why the clock is not trusted; undefined while it is. */
  jump(): ClockJump | undefined {
    return this.reading().jump;
  }

  /**
   * The time in milliseconds; while the clock is not trusted, what it would read without the jump. For what is never
   * recorded and changes no answer that the rules give: the end of a token, say.
   */
  estimate(): number {
    const { wall, jump } = this.reading();
    return jump ? Date.parse(jump.expected) : wall;
  }

  private reading(): { readonly wall: number; readonly jump?: ClockJump } {
    const { clocks, notes, onJump } = this.options;
    const wall = clocks.wall();
    const expected = this.since.wall + clocks.monotonic() - this.since.monotonic;
    if (!this.isFar(wall, expected)) {
      this.trustAgain('cameBack');
      return { wall };
    }
    // The machine has slept, and time has passed all the same.
    const awake = this.since.wall + clocks.uptime() - this.since.uptime;
    if (!this.isFar(wall, awake)) {
      this.since = this.from(awake);
      this.trustAgain('cameBack');
      return { wall };
    }
    const jump = { reads: instant(wall), expected: instant(expected) };
    this.standing = jump;
    const agreed = notes.agreed();
    if (agreed !== undefined && !this.isFar(wall, agreed) && !this.isFar(agreed, wall)) {
      this.since = this.from(wall);
      this.trustAgain('agreed');
      return { wall };
    }
    notes.write(jump);
    onJump(jump);
    return { wall, jump };
  }

  private isFar(wall: number, expected: number): boolean {
    return wall - expected > this.options.jumpMax;
  }

  private trustAgain(because: 'agreed' | 'cameBack'): void {
    if (!this.standing) return;
    const jump = this.standing;
    this.standing = undefined;
    this.options.notes.clear();
    this.options.onTrusted(jump, because);
  }

  /**
   * The time by which a start is judged. Between two runs only the clock says how long the server was off, so it is
   * believed; but not while it still shows a jump that the run before did not trust.
   */
  private startOf(wall: number): number {
    const { notes } = this.options;
    const left = notes.left();
    if (!left) return wall;
    const [reads, expected] = [Date.parse(left.reads), Date.parse(left.expected)];
    if (wall >= reads) return wall - (reads - expected);
    notes.clear();
    return wall;
  }

  private from(wall: number) {
    const { clocks } = this.options;
    return { wall, monotonic: clocks.monotonic(), uptime: clocks.uptime() };
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
