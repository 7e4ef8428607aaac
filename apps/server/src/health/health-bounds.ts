/** From when on a server is not ready. */
export abstract class HealthBounds {
  /** For how long a view may be behind the head of the log. */
  abstract readonly viewLagSeconds: number;
}
