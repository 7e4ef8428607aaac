/** Variables of the environment as they are given, before their forms are checked. An empty one is not there. */
export type Given<Variables> = { readonly [Name in keyof Variables]?: string };

/** The settings of one concern, and in a line each what is wrong with the variables. */
export interface Settled<Settings> {
  readonly settings: Settings;
  readonly faults: readonly string[];
}
