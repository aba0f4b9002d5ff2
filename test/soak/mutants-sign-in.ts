// Planted bugs of signing in: who it is, what a session opens and until when, and where a request comes from.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_SIGN_IN: readonly Mutant[] = [
  {
    bug: 'an address that was typed may write',
    from: `site === 'same-origin'`,
    to: `['same-origin', 'none'].includes(site)`,
    suite: 'crossSite',
  },
  {
    bug: 'who says nothing of where it comes from may write',
    within: 'isWriteOfOwnPage',
    from: 'isOwnOrigin(c)',
    to: `(c.req.header('origin') === undefined || $&)`,
    suite: 'crossSite',
  },
  {
    bug: 'another site’s page may open a socket',
    from: 'if (asksForSocket(c)) return isOwnOrigin(c);',
    to: '',
    suite: 'crossSite',
  },
  {
    bug: 'another site’s page may sign somebody out',
    from: '!isWriteOfOwnPage(c)',
    to: 'false && $&',
    suite: 'sessions',
  },
  {
    bug: 'nobody asks whether a session was ended',
    within: 'sessionOf',
    from: 'await workspaceObject(c.env, session.owner).hasEnded(session.id)',
    to: 'false',
    suite: 'sessions',
  },
  {
    bug: 'a session that was ended is remembered until it idles',
    from: 'session.endsAtLast + CLOCK_DIFFERENCE_MS',
    to: 'session.sealedAt',
    suite: 'sessions',
  },
  {
    bug: 'a session is renewed for ever',
    from: 'Math.min(now + IDLE_MS, signedIn.since + LONGEST_MS)',
    to: 'now + IDLE_MS',
    suite: 'sessions',
  },
  {
    bug: 'a socket renews the session',
    from: 'isRead(c) && !asksForSocket(c)',
    to: 'isRead(c)',
    suite: 'sessions',
  },
  {
    bug: 'what a session reads may be kept',
    from: `c.get('isBySession') ? 'no-store' : 'private, no-cache'`,
    to: `'private, no-cache'`,
    suite: 'sessions',
  },
  {
    bug: 'what was sealed for a sign-in opens as a session',
    from: '[purpose, publicBaseUrl, issuer',
    to: `['', publicBaseUrl, issuer`,
    suite: 'sessions',
  },
  {
    bug: 'only the newest key opens',
    within: 'open',
    from: 'for (const key of keys)',
    to: 'for (const key of keys.slice(0, 1))',
    suite: 'sessions',
  },
  {
    bug: 'a session rescues a bad token',
    from: '/^bearer\\b/i.test',
    to: '/^bearer [^f]/i.test',
    suite: 'sessions',
  },
  {
    bug: 'the provider’s clock has to be right to the second',
    from: '[oauth.clockTolerance]: CLOCK_TOLERANCE_SECONDS',
    to: '[oauth.clockTolerance]: CLOCK_TOLERANCE_SECONDS - 60',
    suite: 'signIn',
  },
  {
    bug: 'the userinfo outranks the ID token',
    from: '{ ...more, ...claims }',
    to: '{ ...claims, ...more }',
    suite: 'signIn',
  },
  {
    bug: 'the way out of the console is not seen',
    from: '!pathname.startsWith(CONSOLE)',
    to: 'false',
    suite: 'returnPaths',
  },
  {
    bug: 'a claim that could own nothing is taken for none',
    from: 'isSubject(value) ? { issuer, claim: ownerClaim, value } : null',
    to: `isSubject(value) ? { issuer, claim: ownerClaim, value } : { issuer, claim: 'sub', value: sub }`,
    suite: 'editorTokens',
  },
  {
    bug: 'the name of the claim is no part of the owner’s key',
    from: 'JSON.stringify([issuer, claim, value])',
    to: `JSON.stringify([issuer, claim && 'sub', value])`,
    suite: 'editorTokens',
  },
];
