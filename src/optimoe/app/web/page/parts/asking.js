// An answer that follows what is asked: quickly while a slider is dragged, wholly when it rests.

import { ask, end, isSuperseded } from "../api.js";
import { useEffect, useRef, useState } from "../html.js";

const REST_MS = 400;

/**
 * Asks a question whenever what is asked changes.
 *
 * @param {string} question
 * @param {object} body What is asked, as the API takes it.
 * @param {{dragging?: boolean, quick?: object}} how `quick` is what is asked in addition for an answer while dragging,
 *   and first of all, and may be less while dragging; left out, there is but the whole answer. One quick question is
 *   underway at a time, and the next is the latest: a server that is slower than a hand is not flooded. A later question ends a whole one.
 * @returns {{answer: object | null, current: boolean, whole: boolean, busy: boolean, error: Error | null}} `current`
 *   says whether the answer is one to what is asked now, `whole` whether it is the whole one.
 */
export function useAnswer(question, body, { dragging = false, quick } = {}) {
  const [found, setFound] = useState({ answer: null, whole: false, of: "", error: null });
  const [busy, setBusy] = useState(0);
  const hand = useRef({ flying: false, next: null, timer: 0, wanted: "", quickOf: "", wholeOf: "" }).current;
  const wanted = JSON.stringify(body);
  hand.wanted = wanted;

  const overtaken = (asked) => hand.next !== null && hand.next[0] !== asked;
  const answered = async (purpose, asked, extra, whole) => {
    const stale = () => !whole && overtaken(asked);
    setBusy((now) => now + 1);
    try {
      const answer = await ask(question, { ...JSON.parse(asked), ...extra, words: true }, { purpose, stale });
      if (whole) hand.wholeOf = asked;
      if (!whole || hand.wanted === asked) {
        setFound((old) => (old.whole && old.of === asked ? old : { answer, whole, of: asked, error: null }));
      }
    } catch (error) {
      if (!isSuperseded(error) && hand.wanted === asked) setFound((old) => ({ ...old, error }));
    } finally {
      setBusy((now) => now - 1);
    }
  };
  const fly = async (asked, extra) => {
    if (hand.flying) {
      hand.next = [asked, extra];
      return;
    }
    hand.flying = true;
    hand.quickOf = asked + JSON.stringify(extra);
    await answered(`${question} quick`, asked, extra, false);
    hand.flying = false;
    const next = hand.next;
    hand.next = null;
    if (next && next[0] + JSON.stringify(next[1]) !== hand.quickOf && next[0] !== hand.wholeOf) fly(...next);
  };

  useEffect(() => {
    clearTimeout(hand.timer);
    end(`${question} whole`);
    if (quick && hand.quickOf !== wanted + JSON.stringify(quick)) fly(wanted, quick);
    if (!dragging) hand.timer = setTimeout(() => answered(`${question} whole`, wanted, {}, true), quick ? REST_MS : 0);
  }, [wanted, dragging]);
  useEffect(() => () => {
    clearTimeout(hand.timer);
    end(`${question} whole`);
    end(`${question} quick`);
  }, []);

  const current = found.answer !== null && found.of === wanted;
  return { answer: found.answer, current, whole: current && found.whole, busy: busy > 0, error: found.error };
}

/**
 * A form over what is asked: changes are shown at once, and kept in the address when they are done.
 *
 * @param {Record<string, object>} options The API's, of the question.
 * @param {Record<string, string>} stated What the address states.
 * @param {(changes: Record<string, string>) => void} keep
 */
export function useForm(options, stated, keep) {
  const [draft, setDraft] = useState(null);
  const values = { ...stated, ...draft };
  for (const name of Object.keys(values)) if (values[name] === "") delete values[name];
  return {
    options,
    values,
    dragging: draft !== null,
    change: (changes) => setDraft((old) => ({ ...old, ...changes })),
    settle: (changes) => {
      setDraft(null);
      keep({ ...draft, ...changes });
    },
  };
}
