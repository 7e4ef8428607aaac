/** The query of a route that takes no parameters. */
export class NoParameters {}
