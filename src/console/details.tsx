// What else is known of a job, for whoever needs it: the last thing on the page.
import { useSignal } from '@preact/signals';
import type { Job } from './api.ts';
import { to } from './router.ts';
import { Copy, Id, Reference, Time } from './shown.tsx';

export function Details({ job, isErased }: { job: Job; isErased: boolean }) {
  const isOpen = useSignal(false);
  const { manifest, failure } = job;
  const exports = Object.entries(manifest.exports);
  return (
    <aside class="details" aria-labelledby="details">
      <div class="details-head">
        <h2 id="details">Details</h2>
        {!isErased && (
          <a class="button" href={to(`/jobs/${job.id}/details`)}>
            Edit details…
          </a>
        )}
      </div>
      <dl>
        <dt>Created</dt>
        <dd>
          <Time at={job.created_at} />
        </dd>
        <dt>Updated</dt>
        <dd>
          <Time at={job.updated_at} />
        </dd>
        {job.external_id !== null && (
          <>
            <dt>External id</dt>
            <dd>
              <span class="reference">
                <span>{job.external_id}</span>
                <Copy text={job.external_id} what="the external id" />
              </span>
            </dd>
          </>
        )}
        {job.tags.length > 0 && (
          <>
            <dt>Tags</dt>
            <dd class="tags">
              {job.tags.map((tag) => (
                <span key={tag} class="tag">
                  {tag}
                </span>
              ))}
            </dd>
          </>
        )}
        {Object.entries(job.metadata).map(([name, value]) => (
          <div key={name} class="pair">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <dt>Project</dt>
        <dd>
          <Id id={job.project_id} />
        </dd>
        {manifest.video_uri && (
          <>
            <dt>Video</dt>
            <dd>
              <Reference uri={manifest.video_uri} what="the address of the video" />
            </dd>
          </>
        )}
        {exports.map(([format, uri]) => (
          <div key={format} class="pair">
            <dt>Export, {format}</dt>
            <dd>
              <Reference uri={uri} what={`the address of the export as ${format}`} />
            </dd>
          </div>
        ))}
        {failure?.correlation_id && (
          <>
            <dt>Of the last failure</dt>
            <dd>
              <Id id={failure.correlation_id} label="correlation" />
            </dd>
          </>
        )}
      </dl>
      <details
        onToggle={({ currentTarget }) => {
          isOpen.value = currentTarget.open;
        }}
      >
        <summary>As the API shows it</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys */}
        {isOpen.value && <pre tabIndex={0}>{JSON.stringify(job, null, 2)}</pre>}
      </details>
    </aside>
  );
}
