import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { compact, dollars } from '../../parts/format.ts'
import { type Measure, secondsOf } from './question.ts'
import { amountOf, type Group, type Report, withColours } from './report.ts'

const HEIGHT = 260
const NARROW = 500

function amountText(measure: Measure, value: number): string {
  return measure === 'dollars' ? dollars(value) : compact(value)
}

/** Bars, a part for each group; the legend says what they are, and how much: in all, or in the period under the pointer. */
export function Chart({ report, nameOf }: { report: Report; nameOf: (value: string) => string }) {
  const box = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState<number>()
  const theme = useTheme()
  const { question, periods, totals } = report
  const { shown, others } = withColours(report)
  const all = others ? [...shown, others] : shown
  const { show } = question
  useEffect(() => {
    const element = box.current
    if (element === null) return
    return drawChart(element, report, all, setAt)
  }, [report, theme])
  const period = at === undefined ? undefined : periods[at]
  const sumsOf = (group: Group) => (period === undefined ? group.sums : group.periods.get(period))
  const amount = (group: Group) => {
    const sums = sumsOf(group)
    return sums === undefined ? 0 : amountOf(show, sums)
  }
  const whole = period === undefined ? amountOf(show, totals) : all.reduce((sum, group) => sum + amount(group), 0)
  return (
    <figure class="usage-figure">
      <div
        class="usage-chart"
        ref={box}
        role="img"
        aria-label={`${show} by ${question.per} and ${question.by}: the tables below have the numbers`}
      />
      <figcaption>
        <p class="usage-period">
          {period === undefined
            ? 'All of it'
            : `${period.replace('T', ' ')}${question.per === 'hour' ? ':00' : ''} UTC`}
          : <strong>{amountText(show, whole)}</strong>
        </p>
        <ul class="usage-legend">
          {all.map((group, index) => (
            <li key={group === others ? '(others)' : group.value}>
              <span class={`usage-swatch usage-colour-${group === others ? 'rest' : index + 1}`} aria-hidden="true" />
              <span class="usage-name">{group === others ? 'all others' : nameOf(group.value)}</span>
              <span class="number">{amountText(show, amount(group))}</span>
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  )
}

/** Changes when the colours do: by the system, or by the reader. */
function useTheme(): number {
  const [theme, setTheme] = useState(0)
  useEffect(() => {
    const changed = () => setTheme((before) => before + 1)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const observer = new MutationObserver(changed)
    dark.addEventListener('change', changed)
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      dark.removeEventListener('change', changed)
      observer.disconnect()
    }
  }, [])
  return theme
}

/** Draws, and keeps to the width of its box. @returns what takes it away */
function drawChart(
  box: HTMLElement,
  { question, periods }: Report,
  groups: readonly Group[],
  setAt: (at: number | undefined) => void,
): () => void {
  const times = periods.map(secondsOf)
  const step = question.per === 'hour' ? 3600 : 86_400
  const bars = uPlot.paths.bars?.({ size: [0.82, 64] })
  const colours = coloursOf(box, groups.length)
  const axis = {
    stroke: colours.text,
    grid: { stroke: colours.line, width: 1 },
    ticks: { stroke: colours.line },
    font: `12px ${colours.font}`,
  }
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_, from, to) => [from - step / 2, to + step / 2] },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] },
      },
      axes: [
        { ...axis, space: box.clientWidth < NARROW ? 70 : 50, values: (_, values) => values.map(timeText) },
        { ...axis, size: 64, values: (_, values) => values.map((value) => axisText(question.show, value)) },
      ],
      series: [
        {},
        ...stackOrder(groups).map((at) => ({
          fill: colours.fills[at] ?? colours.text,
          stroke: colours.paper,
          width: periods.length > 60 ? 0 : 1,
          points: { show: false },
          ...(bars && { paths: bars }),
        })),
      ],
      hooks: { setCursor: [({ cursor: { idx } }) => setAt(idx ?? undefined)] },
    },
    [times, ...stacksOf(periods, groups, question.show)],
    box,
  )
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }))
  observer.observe(box)
  return () => {
    observer.disconnect()
    plot.destroy()
    setAt(undefined)
  }
}

/** The whole stack is drawn first, and what is below it over it. */
function stackOrder(groups: readonly Group[]): readonly number[] {
  return groups.map((_, at) => groups.length - 1 - at)
}

function stacksOf(periods: readonly string[], groups: readonly Group[], show: Measure): (number | null)[][] {
  const heights = periods.map(() => 0)
  const stacks = groups.map((group) =>
    periods.map((period, at) => {
      const sums = group.periods.get(period)
      heights[at] = (heights[at] ?? 0) + (sums === undefined ? 0 : amountOf(show, sums))
      // A bar of no height would still be a line.
      return heights[at] || null
    }),
  )
  return stacks.reverse()
}

/** A day, or an hour within one, in UTC. */
function timeText(seconds: number): string {
  const [day = '', time = ''] = new Date(seconds * 1000).toISOString().split('T')
  return time.startsWith('00:00') ? day.slice(5) : time.slice(0, 5)
}

/** Labels of an axis need no more digits than tell them apart, and have no room for more. */
function axisText(show: Measure, value: number): string {
  if (show !== 'dollars') return compact(value)
  return `$${value >= 10_000 ? compact(value) : value.toLocaleString('en-US', { maximumSignificantDigits: 3 })}`
}

/** Canvas knows no variables of a style sheet: their colours are read from elements that have them. */
function coloursOf(box: HTMLElement, groups: number) {
  const swatches = [...(box.parentElement?.querySelectorAll('.usage-swatch') ?? [])].slice(0, groups)
  const probe = document.createElement('span')
  probe.className = 'usage-probe'
  box.append(probe)
  const { color: text, borderTopColor: line, backgroundColor: paper, fontFamily: font } = getComputedStyle(probe)
  probe.remove()
  return { fills: swatches.map((one) => getComputedStyle(one).backgroundColor), text, line, paper, font }
}
