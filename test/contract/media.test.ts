// Which media there are, and which of them an editor may name.
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { DEFAULT_MEDIA_SCHEMES, isMediaUri, type MediaRules, refuseMedia } from '../../src/contract/media.ts';

const RULES: MediaRules = { schemes: DEFAULT_MEDIA_SCHEMES, hosts: [], prefixes: [] };
const ALICE = { owner: 'alice', projectId: 'prj_1' };
const mayName = (uri: string, rules: Partial<MediaRules> = {}, scope = ALICE): boolean =>
  refuseMedia(uri, { ...RULES, ...rules }, scope) === null;

describe('a host that leads nowhere outside is refused', () => {
  test.each([
    ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'db', 'nas.local', 'nas.lan', 'a.home.arpa'],
    ...['metadata.google.internal', '127.0.0.1', '0x7f.1', '2130706433', '0177.0.0.1', '127.1', '0.0.0.0'],
    ...[
      '10.0.0.5:8443',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '192.0.0.170',
      '100.64.0.1',
      '100.100.100.200',
    ],
    ...['169.254.169.254', '168.63.129.16', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...[
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '[::ffff:127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ],
  ])('%s', (host) => {
    expect(mayName(`https://${host}/talk.mp4`)).toBe(false);
    expect(mayName(`http://${host}/talk.mp4`, { schemes: ['http'] })).toBe(false);
    expect(isMediaUri(`https://${host}/talk.mp4`, ['https'])).toBe(true);
  });
});

test.each([
  ...[
    'media.example',
    'media.example:8443',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '100.128.0.1',
  ],
  ...[
    '192.1.0.1',
    '198.20.0.1',
    '169.253.0.1',
    '168.63.128.16',
    '[2a00:1450:4001::1]',
    'localhost.example',
    'internal.example',
  ],
])('a host that is anybody’s is taken: %s', (host) => {
  expect(mayName(`https://${host}/talk.mp4`)).toBe(true);
});

test('a private host is taken where it is allowed, and no other', () => {
  const rules = { hosts: ['nas.local', '10.0.0.5', '[fd00::1]'] };
  const taken = ['nas.local', 'NAS.local:8443', 'nas.local.', '10.0.0.5', '0xa.5', '[fd00:0::1]'];
  expect(taken.filter((host) => !mayName(`https://${host}/a`, rules))).toEqual([]);
  expect(
    ['10.0.0.6', 'a.nas.local', '[fd00::2]'].filter((host) => mayName(`https://${host}/a`, rules)),
  ).toEqual([]);
});

test('a bucket is no host', () => {
  expect(mayName('s3://localhost/talk.mp4')).toBe(true);
  expect(mayName('gs://10.0.0.1/talk.mp4')).toBe(true);
});

test('a scheme is taken where it is allowed', () => {
  const uris = [
    'https://a.example/b',
    'http://a.example/b',
    's3://a/b',
    'gs://a/b',
    'r2://a/b',
    'abfss://a@b.example/c',
  ];
  expect(uris.map((uri) => mayName(uri))).toEqual([true, false, true, true, true, true]);
  expect(uris.map((uri) => mayName(uri, { schemes: ['http', 'gs'] }))).toEqual([
    false,
    true,
    false,
    true,
    false,
    false,
  ]);
});

describe('below a prefix', () => {
  const prefixes = ['s3://media/{owner}/', 'https://cdn.example/{project}/in/'];
  const inside = (uri: string, scope = ALICE) => mayName(uri, { prefixes }, scope);

  test('of the editor or the project anything may be named', () => {
    expect(
      ['s3://media/alice/a b.mp4', 'https://cdn.example/prj_1/in/a.mp4'].map((uri) => inside(uri)),
    ).toEqual([true, true]);
  });

  test.each([
    's3://media/bob/a.mp4',
    's3://media/alice2/a.mp4',
    's3://media/alice/../bob/a.mp4',
    's3://media/alice/..',
    's3://media/alice/./a.mp4',
    's3://media/alice/..%2fbob/a.mp4',
    's3://media/alice/x\\..\\..\\bob',
    'S3://media/alice/a.mp4',
    's3://media2/alice/a.mp4',
    'https://cdn.example/prj_1/in/%2E%2e/%2e./prj_2/in/a.mp4',
    'https://cdn.example/prj_2/in/a.mp4',
    'https://cdn.example.evil.example/prj_1/in/a.mp4',
    'https://cdn.example:8443/prj_1/in/a.mp4',
  ])('nothing else may: %s', (uri) => {
    expect(inside(uri)).toBe(false);
  });

  test.each([
    ['a/b', 's3://media/a/b/x', 's3://media/a%2Fb/x'],
    ['..', 's3://media/../x', null],
    ['.', 's3://media/./x', null],
    ['auth0|7', 's3://media/auth0|7/x', 's3://media/auth0%7C7/x'],
    ['$&{project}', 's3://media/$&prj_1/x', 's3://media/%24%26%7Bproject%7D/x'],
    ['\ud800', 's3://media/\ufffd/x', null],
  ])('an owner called %j is one step, percent-encoded', (owner, refused, taken) => {
    const scope = { owner, projectId: 'prj_1' };
    expect(inside(refused, scope)).toBe(false);
    if (taken !== null) expect(inside(taken, scope)).toBe(true);
  });
});

describe('the settings', () => {
  const key = 'k'.repeat(32);
  const vars = {
    PUBLIC_BASE_URL: 'https://retake.example',
    ORCHESTRATOR_URL: 'https://orchestrator.example',
    AUTH_JWKS_URL: 'https://id.example/keys',
    AUTH_ISSUER: 'https://id.example',
    AUTH_AUDIENCE: 'retake',
    CALLBACK_TOKEN_KEYS: key,
    ID_KEYS: key,
    DISPATCH_SIGNING_SECRET: `whsec_${key}`,
    MODEL_POLICY: {
      version: '1',
      default_profile: 'a',
      profiles: [{ id: 'a', title: 'A', enabled: true, resume_from: ['UPLOADED'] }],
    },
  };
  const mediaOf = (settings: object) => {
    const result = loadConfig({ ...vars, ...settings });
    return result.ok ? result.config.media : result.problems.map((problem) => problem.split(/[.:]/)[0]);
  };

  test('allow nothing private, no plain http and every prefix by default', () => {
    const media = { schemes: ['https', 's3', 'gs', 'r2', 'abfss'], hosts: [], prefixes: [] };
    expect(mediaOf({})).toEqual(media);
    expect(mediaOf({ MEDIA_SCHEMES: '', MEDIA_HOSTS: '', MEDIA_PREFIXES: '' })).toEqual(media);
  });

  test('are lists', () => {
    const settings = {
      MEDIA_SCHEMES: 'https, http',
      MEDIA_HOSTS: 'nas.lan, 10.0.0.5, [fd00::1]',
      MEDIA_PREFIXES: 's3://media/{owner}/, https://{project}.example/',
    };
    expect(mediaOf(settings)).toEqual({
      schemes: ['https', 'http'],
      hosts: ['nas.lan', '10.0.0.5', '[fd00::1]'],
      prefixes: ['s3://media/{owner}/', 'https://{project}.example/'],
    });
  });

  test.each([
    ['MEDIA_SCHEMES', ['ftp', 'HTTPS', 'https://', 'https,,http']],
    ['MEDIA_HOSTS', ['NAS.lan', 'nas.lan:80', 'https://nas.lan', 'fd00::1', 'a b', '0x7f.1', 'nas.lan/']],
    ['MEDIA_PREFIXES', ['s3://media', 's3://media/{owner}', 'media/', 'ftp://a/', 's3://media/{team}/']],
  ])('that are wrong are named: %s', (name, values) => {
    expect(values.map((value) => mediaOf({ [name]: value }))).toEqual(values.map(() => [name]));
  });
});
