// One version of a text, to be read. It is shown as text, whatever it says.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Job, Refusal } from './api.ts';
import { askContent, type Content, downloadAddress, MOST_BYTES, type Text } from './content.ts';
import type { JobData } from './job-data.ts';
import { inWords } from './refusals.ts';
import { to } from './router.ts';
import { jobName, Reference, Time, Who } from './shown.tsx';
import { Skeleton } from './states.tsx';
import { versionName } from './words.ts';

interface ReadPageProps {
  data: JobData;
  job: Job;
  stage: Text;
  version: number;
}

export function ReadPage({ data, job, stage, version }: ReadPageProps) {
  const content = useSignal<Content | null>(null);
  const refusal = useSignal<Refusal | null>(null);
  const isThere = useSignal(false);
  useEffect(() => {
    const left = new AbortController();
    void askContent(job.id, stage, version, left.signal).then((answer) => {
      if (left.signal.aborted) return;
      if (answer.ok) content.value = answer.data;
      else refusal.value = answer.refusal;
      isThere.value = true;
    });
    return () => left.abort();
  }, [job.id, stage, version]);
  const known = data.versions.value?.find((each) => each.stage === stage && each.version === version);
  const name = versionName(stage, version);
  const edit = job.next_actions.find(
    ({ action, allowed, path, body }) =>
      allowed && action === 'edit' && path.endsWith(`/${stage}`) && body?.edits === version,
  );
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>
          {name} <span class="muted">of {jobName(job)}</span>
        </h1>
        {edit && (
          <a class="button" href={to(`/jobs/${job.id}/edit/${stage}`)}>
            Correct {name.toLowerCase()}
          </a>
        )}
        <a class="button" href={to(`/jobs/${job.id}`)}>
          Back to the job
        </a>
      </div>
      {known && (
        <p class="muted">
          {known.made_by.kind === 'editor' ? (
            <>
              corrected by <Who of={known.made_by} />
            </>
          ) : (
            (known.made_by.engine ?? 'made by the pipeline')
          )}
          {' · '}
          <Time at={known.recorded_at} />
        </p>
      )}
      {!isThere.value && <Skeleton rows={12} />}
      {refusal.value && (
        <div class="empty">
          <p>{inWords(refusal.value)}</p>
          {known && <Reference uri={known.ref} what={`the address of ${name}`} />}
        </div>
      )}
      {isThere.value && !refusal.value && (
        <Shown content={content.value} job={job} stage={stage} version={version} />
      )}
    </>
  );
}

function Shown({ content, job, stage, version }: Omit<ReadPageProps, 'data'> & { content: Content | null }) {
  const download = (
    <a href={downloadAddress(job.id, stage, version)} download>
      Download it
    </a>
  );
  if (content === null || content.text.length > MOST_BYTES) {
    return (
      <div class="empty">
        <p>{content === null ? 'This is no text.' : 'This is too long to be shown here.'}</p>
        {download}
      </div>
    );
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys */}
      <pre class="text" tabIndex={0}>
        {content.text}
      </pre>
      <p>{download}</p>
    </>
  );
}
