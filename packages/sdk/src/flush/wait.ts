// What somebody waits for, and for how long. No code, only names.

export interface Wait {
  readonly done: boolean;
  /** When time is over, by our clock. It may move on until it has come. */
  readonly deadline: number;
}
