// The pages of the local provider: on one somebody says who they are, on the other for whom sample jobs are made.
import { PEOPLE } from './people.ts';

const BUTTONS = PEOPLE.map(
  ({ sub, name, email, org_id }) =>
    `<button name="sub" value="${sub}"><b>${name}</b><br>${email}${org_id ? ` · ${org_id}` : ''}</button>`,
).join('\n    ');

const page = (title: string, content: string): string => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title} (local)</title>
  <style>
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
    main { max-width: 24rem; margin: 10vh auto; padding: 0 1rem }
    form { display: grid; gap: .5rem; margin-bottom: 1rem }
    button, input[name=sub] { font: inherit; padding: .5rem .75rem; text-align: left }
  </style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`;

const WITH_SAMPLES = `
    <label><input type="checkbox" name="samples"> Make sample jobs, in a project of their own</label>`;

export const choosePage = ({ hasSamples }: { hasSamples: boolean }): string =>
  page(
    'Sign in',
    `  <h1>Who signs in?</h1>
  <p>The local identity provider. It asks for no password, and runs on this machine alone.</p>
  <form method="post">
    ${BUTTONS}${hasSamples ? WITH_SAMPLES : ''}
  </form>
  <form method="post">
    <label for="sub">Somebody else</label>
    <input id="sub" name="sub" maxlength="255" required autocomplete="off">
    <button>Sign in</button>
  </form>
  <form method="post"><button name="sub" value="">Nobody: go back</button></form>`,
  );

/** For whoever is signed in already. */
export const samplesPage = (): string =>
  page(
    'Sample jobs',
    `  <h1>Make sample jobs</h1>
  <p>A project with jobs in several states, made through the API. For whom?</p>
  <form method="post">
    ${BUTTONS}
  </form>`,
  );
