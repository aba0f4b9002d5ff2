// Addresses. Every view, filter and open dialogue has one, so that a reload, the back button and a copied link lead to the same.
import { computed, signal } from '@preact/signals';

const ROOT = '/console';

/** Below /console, without a slash at its end. */
export const path = signal('');
export const query = signal(new URLSearchParams());

function read(): void {
  path.value = location.pathname.slice(ROOT.length).replace(/\/+$/, '');
  query.value = new URLSearchParams(location.search);
}

export type Params = Readonly<Record<string, string | null | undefined>>;

/** An address of the console; parameters without a value are left out. */
export function to(where: string, params: Params = {}): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `${ROOT}${where || '/'}${search}`;
}

/** The address of now, for whoever comes back to it. */
export const here = computed(() => to(path.value, Object.fromEntries(query.value)));

export function go(address: string, { replace = false } = {}): void {
  if (address === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  read();
}

/** Of `/jobs/:id`: the id; null where the pattern is another. */
export function match(pattern: string, where: string = path.value): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = where.split('/');
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':')) {
      if (value === '') return null;
      found[part.slice(1)] = decoded(value);
    } else if (part !== value) return null;
  }
  return found;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Links stay links: only a plain click on one of the console's own is followed without loading the page anew. */
function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.origin !== location.origin) return;
  if (link.pathname !== ROOT && !link.pathname.startsWith(`${ROOT}/`)) return;
  event.preventDefault();
  go(link.pathname + link.search, { replace: link.dataset.replace !== undefined });
}

export function startRouter(): void {
  read();
  addEventListener('popstate', read);
  addEventListener('click', follow);
}
