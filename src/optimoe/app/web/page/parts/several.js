// Answers to several questions that follow what is asked: one round is underway at a time, and the next is the latest.

import { ask, end, isSuperseded } from "../api.js";
import { useEffect, useRef, useState } from "../html.js";

/**
 * @typedef {object} Answered
 * @property {object | null} answer The last one.
 * @property {Error | null} error Why there is none to what is asked now.
 */

/**
 * Asks several questions whenever one of them changes.
 *
 * @param {Record<string, [string, object] | null>} asked Question and body by a key of one's own; null asks nothing.
 * @returns {{found: Record<string, Answered>, busy: boolean}} What is answered, by key.
 */
export function useAnswers(asked) {
  const [found, setFound] = useState({});
  const [busy, setBusy] = useState(0);
  const hand = useRef({ flying: {}, wanted: {}, gone: false }).current;

  const fly = async (key, text) => {
    hand.wanted[key] = text;
    if (hand.flying[key]) return;
    hand.flying[key] = true;
    setBusy((now) => now + 1);
    try {
      const [question, body] = JSON.parse(text);
      const answer = await ask(question, { ...body, words: true }, { purpose: `one of several: ${key}` });
      setFound((old) => ({ ...old, [key]: { answer, error: null } }));
    } catch (error) {
      if (!isSuperseded(error) && hand.wanted[key] === text) setFound((old) => ({ ...old, [key]: { answer: old[key]?.answer ?? null, error } }));
    } finally {
      setBusy((now) => now - 1);
      hand.flying[key] = false;
      if (!hand.gone && hand.wanted[key] !== null && hand.wanted[key] !== text) fly(key, hand.wanted[key]);
    }
  };

  const texts = Object.fromEntries(Object.entries(asked).map(([key, one]) => [key, one && JSON.stringify(one)]));
  useEffect(() => {
    for (const key of Object.keys(hand.wanted)) if (!texts[key]) hand.wanted[key] = null;
    setFound((old) => Object.fromEntries(Object.entries(old).filter(([key]) => texts[key])));
    for (const [key, text] of Object.entries(texts)) if (text && text !== hand.wanted[key]) fly(key, text);
  }, [JSON.stringify(texts)]);
  useEffect(() => () => {
    hand.gone = true;
    for (const key of Object.keys(hand.wanted)) end(`one of several: ${key}`);
  }, []);
  return { found, busy: busy > 0 };
}
