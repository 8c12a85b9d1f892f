// The condition and the deadline of a wait. Types only.

export interface Wait {
  readonly done: boolean;
  /** On the clock of `now()`. May be postponed until it has passed. */
  readonly deadline: number;
}
