// Where one is: the title of the tab, and the way down from all projects. The view that is open says it.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

interface Crumb {
  words: string;
  address?: string;
}

export const crumbs = signal<readonly Crumb[]>([]);

export function useTitle(title: string, trail: readonly Crumb[]): void {
  const key = JSON.stringify([title, trail]);
  useEffect(() => {
    document.title = title === '' ? 'Retake' : `${title} · Retake`;
    crumbs.value = trail;
  }, [key]);
}
