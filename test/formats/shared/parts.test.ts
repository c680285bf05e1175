import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeBase64Text,
  partsOf,
  readArguments,
  readDataUrl,
  textContent,
} from '../../../src/formats/shared/parts.ts'
import { createJsonBudget } from '../../../src/stream/json-bounds.ts'
import { refusal } from '../asking.ts'

test.each([
  ['data:image/png;base64,QUJD', { mediaType: 'image/png', data: 'QUJD' }],
  ['DATA:Image/PNG;Charset=UTF-8;BASE64, QU\r\nJD', { mediaType: 'image/png', data: 'QUJD' }],
  ['data:;base64,QUJD', { mediaType: '', data: 'QUJD' }],
  ['https://a.example/data:', undefined],
  ['', undefined],
])('the URL %j is %j', (url, expected) => {
  expect(readDataUrl(url, 'p')).toEqual(expected)
})

test.each(['data:text/plain,abc', 'data:image/svg+xml;utf8,<svg/>', 'data:image/png;base64', 'data:'])(
  'the data URL %s is refused: it is not base64',
  (url) => {
    expect(refusal(() => readDataUrl(url, 'p'))).toEqual({ code: 'invalid_value', param: 'p' })
  },
)

test('base64 text is read as UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const whole = text.toWellFormed().replace(/^\uFEFF/, '')
      expect(decodeBase64Text(Buffer.from(whole).toString('base64'), 'p')).toBe(whole)
    }),
  )
  expect(refusal(() => decodeBase64Text('%', 'p'))).toEqual({ code: 'invalid_value', param: 'p' })
})

test('content of every form is a list of parts', () => {
  expect(partsOf('a')).toEqual([{ type: 'text', text: 'a' }])
  for (const nothing of ['', null, undefined, []]) expect(partsOf(nothing)).toEqual([])
})

test('content that can only be text is joined, and other parts are refused by their path', () => {
  const image = { type: 'image_url', image_url: { url: 'https://a.example/' } }
  expect(
    textContent(
      [
        { type: 'text', text: 'a' },
        { type: 'refusal', refusal: 'b' },
      ],
      'p',
    ),
  ).toBe('ab')
  expect(refusal(() => textContent([{ type: 'text', text: 'a' }, image], 'p'))).toEqual({
    code: 'model_not_capable',
    param: 'p[1]',
  })
})

test('arguments are any JSON object, or nothing at all', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value)
      expect(JSON.stringify(readArguments(text, 'p', createJsonBudget()))).toBe(JSON.stringify(JSON.parse(text)))
    }),
  )
  for (const nothing of ['', ' \n', 'null']) expect(readArguments(nothing, 'p', createJsonBudget())).toEqual({})
  for (const wrong of ['[]', '1', '"a"', '{', 'true']) {
    expect(refusal(() => readArguments(wrong, 'p', createJsonBudget()))).toEqual({ code: 'invalid_value', param: 'p' })
  }
})
