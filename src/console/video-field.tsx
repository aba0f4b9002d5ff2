// Where a video is, as somebody says it: the field, and what can be said there.
import type { Signal } from '@preact/signals';

export const VideoField = ({ uri, more = '' }: { uri: Signal<string>; more?: string }) => (
  <>
    <label for="video">Where the video is</label>
    <input
      id="video"
      value={uri.value}
      autocomplete="off"
      spellcheck={false}
      aria-describedby="video-hint"
      placeholder="s3://videos/interview.mp4"
      onInput={({ currentTarget }) => {
        uri.value = currentTarget.value;
      }}
    />
    <p id="video-hint" class="muted">
      An https address, or an object of a store: s3, gs, r2, abfss.{more}
    </p>
  </>
);
