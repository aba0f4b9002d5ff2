// Who can sign in locally. Alice and Ben are of one organisation, Carol is of none.

/** What the provider says of somebody. */
export interface Person {
  sub: string;
  name?: string;
  email?: string;
  org_id?: string;
}

export const PEOPLE: readonly Person[] = [
  { sub: 'alice', name: 'Alice Adams', email: 'alice@acme.example', org_id: 'acme' },
  { sub: 'ben', name: 'Ben Brown', email: 'ben@acme.example', org_id: 'acme' },
  { sub: 'carol', name: 'Carol Clark', email: 'carol@example.org' },
];

/** Anybody else is known by their `sub` alone. */
export const personNamed = (sub: string): Person => PEOPLE.find((person) => person.sub === sub) ?? { sub };
