// Who may see a thing, in one place: its owner. For anyone else there is no such thing.

/** The thing itself where `owner` owns it; null where it is missing or somebody else's, which are not told apart. */
export const ownedBy = <T extends { owner: string }>(thing: T | null, owner: string): T | null =>
  thing?.owner === owner ? thing : null;
