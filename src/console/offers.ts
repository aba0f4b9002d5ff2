// What the server says would work, as what is offered: in its order, several of one kind as one, and what ends something last.
// What would not work keeps its place and says why. No rule about statuses is here.
import type { ComponentChildren } from 'preact';
import type { Job, NextAction, OfferedPlan } from './api.ts';
import { inShort, type PlanKind, profileOf, verb } from './plans.ts';
import { reasonInWords } from './refusals.ts';
import { to } from './router.ts';
import { versionName } from './words.ts';

/** One button: an action, or several of one kind of which a dialogue offers the choice. */
export interface Offer {
  key: string;
  words: string;
  /** A link to a dialogue or page, else something that is done at once. */
  address: string | null;
  note: ComponentChildren;
  /** Why it is off. */
  off: string | null;
  hint: string | null;
  isDangerous: boolean;
  action: NextAction;
}

const OLDER_DRAFT = 'The draft was made before a correction.';

export function offersOf(job: Job, plan: OfferedPlan | null): Offer[] {
  const offers: Offer[] = [];
  const base = `/jobs/${job.id}`;
  for (const action of job.next_actions) {
    const profile = profileOf(action.body);
    const isChoice = action.error_code === 'EDITS_IN_THE_WAY';
    const offer = (key: string, words: string, address: string | null, more: Partial<Offer> = {}) =>
      offers.push({
        key,
        words,
        address,
        note: isChoice ? reasonInWords(action.error_code, action.reason) : null,
        // The dialogue offers what is to happen to the corrections.
        off: action.allowed || isChoice ? null : reasonInWords(action.error_code, action.reason),
        hint: null,
        isDangerous: false,
        action,
        ...more,
      });
    const planned = (kind: PlanKind) => {
      const known = plan?.kind === kind && plan.model_profile === profile ? plan : null;
      const note = known && known.verdict === 'allowed' ? inShort(known) : null;
      offer(kind, `${verb(kind, known)}…`, to(`${base}/${kind}`, { profile }), { note, hint: 'r' });
    };
    switch (action.action) {
      case 'retry':
        planned('retry');
        break;
      case 'retry_with_profile': {
        const earlier = offers.find(({ key }) => key === action.action);
        if (earlier && (earlier.off === null || !action.allowed)) break;
        if (earlier) offers.splice(offers.indexOf(earlier), 1);
        offer(action.action, 'Retry with another profile…', to(`${base}/retry`, { profile }));
        break;
      }
      case 'redo': {
        const earlier = offers.find(({ key }) => key === 'redo');
        if (earlier && (earlier.off === null || !action.allowed)) break;
        if (earlier) offers.splice(offers.indexOf(earlier), 1);
        planned('redo');
        break;
      }
      case 'run':
        offer('run', 'Run the pipeline', null, {
          note: `makes audio, transcript and draft${profile ? ` with ${profile}` : ''}`,
        });
        break;
      case 'edit': {
        const stage = action.path.split('/').at(-1) as 'transcript' | 'draft';
        const name = versionName(stage, Number(action.body?.edits) || null);
        offer(`edit ${stage}`, `Correct ${name.toLowerCase()}`, to(`${base}/edit/${stage}`), {
          hint: offers.some(({ hint }) => hint === 'e') ? null : 'e',
        });
        break;
      }
      case 'export':
        offer('export', 'Export…', to(`${base}/export`), isChoice ? { note: OLDER_DRAFT } : {});
        break;
      case 'confirm_upload':
        offer('confirm', 'Add the video…', to(`${base}/confirm-upload`));
        break;
      case 'renew_video':
        offer('renew', 'Change the video’s address…', to(`${base}/renew-video`));
        break;
      case 'new_job':
        offer('new', 'New job with another video…', to(`/projects/${job.project_id}/new`));
        break;
      case 'abandon':
        offer('abandon', 'Give up this attempt…', to(`${base}/abandon`), { isDangerous: true });
        break;
      case 'cancel':
        offer('cancel', 'Cancel this job…', to(`${base}/cancel`), { isDangerous: true });
        break;
      case 'erase':
        // Never what to do: it stands at the foot of the page.
        break;
      case 'wait':
        offer('wait', 'Wait', null);
        break;
    }
  }
  // What ends something never stands first, and never between what goes on.
  return [
    ...offers.filter(({ isDangerous }) => !isDangerous),
    ...offers.filter(({ isDangerous }) => isDangerous),
  ];
}
