/** From when on a server is not ready. */
export abstract class HealthBounds {
  /** How long a view may lag after the head of the log. */
  abstract readonly viewLagSeconds: number;
}
