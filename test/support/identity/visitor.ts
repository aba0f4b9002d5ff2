// Somebody with a browser that keeps cookies and follows redirects, and no more: what such a browser sends along of its own accord
// (`Sec-Fetch-Site`, `Origin`), a test says itself.

import { fetchAlone } from '../own-connection.ts';

interface Cookie {
  host: string;
  path: string;
  name: string;
  value: string;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string | URLSearchParams;
}

export type Fetch = (url: string, init: Ask & { redirect: 'manual' }) => Promise<Response>;

export class Visitor {
  cookies: Cookie[] = [];
  readonly #fetch: Fetch;

  // In the types of the Worker the two have little in common.
  constructor(fetch: Fetch = fetchAlone as unknown as Fetch) {
    this.#fetch = fetch;
  }

  /** One request, with the cookies that belong to it. */
  async ask(url: string, init: Ask = {}): Promise<Response> {
    const { hostname, pathname } = new URL(url);
    const cookie = this.cookies
      .filter(({ host, path }) => host === hostname && pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const headers = { ...(cookie === '' ? {} : { cookie }), ...init.headers };
    const response = await this.#fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(hostname, line);
    return response;
  }

  /** Opens an address, and whatever it leads to until `isThere` or nothing leads on: where that is. */
  async open(url: string, init: Ask = {}, isThere: (url: string) => boolean = () => false): Promise<string> {
    if (isThere(url)) return url;
    const response = await this.ask(url, init);
    await response.body?.cancel();
    const next = response.headers.get('location');
    return next === null ? url : this.open(new URL(next, url).href, {}, isThere);
  }

  /** Goes to the service, to the provider and there on as `sub`: the address that the provider leads back to, not yet opened. */
  async callbackFor(serviceUrl: string, sub: string, returnTo = '/console/'): Promise<string> {
    const isBack = (url: string) => url.startsWith(`${serviceUrl}/session/callback`);
    const start = `${serviceUrl}/session/start?return_to=${encodeURIComponent(returnTo)}`;
    const choice = await this.open(start, {}, isBack);
    // Who is signed in at the provider is not asked again.
    if (isBack(choice)) return choice;
    return this.open(choice, { method: 'POST', body: new URLSearchParams({ sub }) }, isBack);
  }

  /** Signs in: where that leads. */
  async signIn(serviceUrl: string, sub: string, returnTo?: string): Promise<string> {
    const callback = await this.callbackFor(serviceUrl, sub, returnTo);
    const response = await this.ask(callback);
    await response.body?.cancel();
    return response.headers.get('location') ?? '';
  }

  cookie(name: string): string | null {
    return this.cookies.find((cookie) => cookie.name === name)?.value ?? null;
  }

  #keep(host: string, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    const attribute = (key: string) =>
      attributes.find((each) => each.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
    const path = attribute('path') ?? '/';
    const expires = attribute('expires');
    const isGone =
      attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) <= Date.now());
    const isSame = (cookie: Cookie) => cookie.host === host && cookie.name === name && cookie.path === path;
    this.cookies = this.cookies.filter((cookie) => !isSame(cookie));
    if (!isGone) this.cookies.push({ host, path, name, value: pair.slice(at + 1) });
  }
}
