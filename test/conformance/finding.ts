// What a check throws, as an assertion would: what was seen, and what the author of the orchestrator can do about it.
export class Finding extends Error {
  readonly fix: string;

  constructor(saw: string, fix: string) {
    super(saw);
    this.fix = fix;
  }
}
