//! Standardised uptake values by body weight, from what a PET header says of the tracer.
//!
//! After the vendor-neutral method of the Quantitative Imaging Biomarkers Alliance (SUVbw): the weight
//! over the dose that was left when counting began, where values are decay-corrected to that moment; or
//! over the injected dose, where they are corrected to the injection (PS3.3 C.8.9.1.1.4). Philips
//! writes the factor itself. Where the header leaves a doubt there is no factor, but a reason.
//!
//! Must never know: samples, slices.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use jiff::civil::{Date, DateTime, Time};

use super::dataset::DataSet;
use super::picture::Picture;

/// What a header says of uptake.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Uptake {
    /// Values are to be multiplied by this (g/mL per unit).
    Factor(f64),
    /// Values are becquerels per millilitre at the moment when counting began.
    AtStart(Tracer),
    /// Why there is no telling.
    Unknown(&'static str),
}

/// A dose on its way to being measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tracer {
    weight_g: f64,
    injected_bq: f64,
    half_life_s: f64,
    injected: Moment,
    series: Option<DateTime>,
    acquired: Option<DateTime>,
}

/// From a child born early to the heaviest person; a weight in other units lies beyond.
const WEIGHTS_KG: std::ops::RangeInclusive<f64> = 0.3..=650.0;

/// When the dose was injected; many headers give the time of day only.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    At(DateTime),
    OnTheDay(Time),
}

/// Why there is no telling, where it is said in more places than one.
pub(super) const NOT_CORRECTED: &str = "values are not said to be corrected for attenuation and decay";
pub(super) const OTHER_UNIT: &str = "values are in a unit that is not activity per volume";
pub(super) const DIFFERS: &str = "it differs from slice to slice";

/// What a PET slice says, also where slices were converted to one object.
pub(super) struct Header<'d, 'a> {
    pub(super) top: &'d DataSet<'a>,
    /// What all slices said that has no other place in the object.
    pub(super) converted: Option<&'d DataSet<'a>>,
    /// When the first frame was begun, where frames say.
    pub(super) acquired: Option<DateTime>,
}

impl<'d, 'a> Header<'d, 'a> {
    fn set_with(&self, tag: Tag) -> &'d DataSet<'a> {
        if self.top.has(tag) { self.top } else { self.converted.unwrap_or(self.top) }
    }

    fn text(&self, tag: Tag) -> Option<String> {
        self.set_with(tag).text(tag)
    }

    fn at(&self, date: Tag, time: Tag) -> Option<DateTime> {
        date_time(&self.text(date)?, &self.text(time)?)
    }
}

/// What one header says.
pub(super) fn read(header: &Header<'_, '_>) -> Uptake {
    weighed(header).unwrap_or_else(Uptake::Unknown)
}

fn weighed(header: &Header<'_, '_>) -> Result<Uptake, &'static str> {
    match header.text(tags::UNITS).as_deref() {
        Some("GML") => {
            let kind = header.text(tags::SUV_TYPE);
            return match kind.as_deref() {
                None | Some("BW") => Ok(Uptake::Factor(1.0)),
                Some(_) => Err("the uptake is not by body weight"),
            };
        }
        Some("CNTS") => {
            if header.text(PHILIPS_CREATOR).as_deref() == Some("Philips PET Private Group")
                && let Some(factor) = positive(header.set_with(PHILIPS_SUV_FACTOR), PHILIPS_SUV_FACTOR)
            {
                return Ok(Uptake::Factor(factor));
            }
            return Err("values are counts, and the file has no factor for them");
        }
        Some("BQML") => {}
        Some(_) => return Err(OTHER_UNIT),
        None => return Err("the unit of the values is not stated"),
    }
    let corrected = header.set_with(tags::CORRECTED_IMAGE).texts(tags::CORRECTED_IMAGE);
    if !["ATTN", "DECY"].iter().all(|kind| corrected.iter().any(|word| word == kind)) {
        return Err(NOT_CORRECTED);
    }
    let weight_g = weight_g(header.set_with(tags::PATIENT_WEIGHT))?;
    let tracers = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
    let tracer = only_tracer(header.set_with(tracers).items(tracers))?;
    let injected_bq =
        positive(tracer, tags::RADIONUCLIDE_TOTAL_DOSE).ok_or("the injected dose is missing")?;
    // Some write megabecquerels; no scan is done with so little.
    if injected_bq < 1e5 {
        return Err("the injected dose is too small to be in becquerels");
    }
    match header.text(tags::DECAY_CORRECTION).as_deref() {
        Some("ADMIN") => return Ok(Uptake::Factor(weight_g / injected_bq)),
        Some("START") => {}
        _ => return Err("values are not decay-corrected to the start or the injection"),
    }
    let injected = tracer.text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME);
    let injected = injected.and_then(|text| moment(&text)).map(Moment::At);
    let time = || tracer.text(tags::RADIOPHARMACEUTICAL_START_TIME).and_then(|text| time(&text));
    Ok(Uptake::AtStart(Tracer {
        weight_g,
        injected_bq,
        half_life_s: half_life_s(tracer)?,
        injected: injected
            .or_else(|| time().map(Moment::OnTheDay))
            .ok_or("the time of injection is missing")?,
        series: header.at(tags::SERIES_DATE, tags::SERIES_TIME),
        acquired: header.acquired.or_else(|| header.at(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME)),
    }))
}

const PHILIPS_CREATOR: Tag = Tag(0x7053, 0x0010);
const PHILIPS_SUV_FACTOR: Tag = Tag(0x7053, 0x1000);

pub(super) fn positive(dataset: &DataSet<'_>, tag: Tag) -> Option<f64> {
    dataset.number(tag).filter(|number| *number > 0.0)
}

/// The patient's weight in grams.
pub(super) fn weight_g(dataset: &DataSet<'_>) -> Result<f64, &'static str> {
    let weight_kg = positive(dataset, tags::PATIENT_WEIGHT).ok_or("the patient's weight is missing")?;
    if !WEIGHTS_KG.contains(&weight_kg) {
        return Err("the patient's weight is no person's in kilograms");
    }
    Ok(weight_kg * 1000.0)
}

/// The tracer, where there is one and no other.
pub(super) fn only_tracer<'d, 'a>(tracers: &'d [DataSet<'a>]) -> Result<&'d DataSet<'a>, &'static str> {
    let [tracer] = tracers else { return Err("the header does not describe one tracer") };
    Ok(tracer)
}

fn half_life_s(tracer: &DataSet<'_>) -> Result<f64, &'static str> {
    positive(tracer, tags::RADIONUCLIDE_HALF_LIFE).ok_or("the tracer's half-life is missing")
}

/// The part of a dose that is left so long after the injection.
pub(super) fn left_after(elapsed_s: f64, tracer: &DataSet<'_>) -> Result<f64, &'static str> {
    decayed(elapsed_s, half_life_s(tracer)?)
}

fn decayed(elapsed_s: f64, half_life_s: f64) -> Result<f64, &'static str> {
    if !(0.0..DAY_S).contains(&elapsed_s) {
        return Err("the scan does not lie within a day after the injection");
    }
    Ok((-elapsed_s / half_life_s).exp2())
}

const DAY_S: f64 = 86_400.0;

/// The factor of all pictures of a volume; `None` where they are not of PET.
pub(super) fn factor(pictures: &[Picture]) -> Result<Option<f64>, &'static str> {
    let uptakes: Vec<&Uptake> = pictures.iter().filter_map(|picture| picture.image.suv.as_ref()).collect();
    let Some(first) = uptakes.first() else { return Ok(None) };
    match first {
        Uptake::Unknown(why) => Err(why),
        Uptake::Factor(factor) => {
            let same = uptakes.iter().all(|uptake| *uptake == *first);
            if same { Ok(Some(*factor)) } else { Err(DIFFERS) }
        }
        Uptake::AtStart(tracer) => {
            let tracers = uptakes.iter().map(|uptake| match uptake {
                Uptake::AtStart(tracer) => Ok(tracer),
                _ => Err(DIFFERS),
            });
            let tracers = tracers.collect::<Result<Vec<_>, _>>()?;
            let dose = |tracer: &Tracer| [tracer.weight_g, tracer.injected_bq, tracer.half_life_s];
            if tracers.iter().any(|other| dose(other) != dose(tracer) || other.injected != tracer.injected) {
                return Err(DIFFERS);
            }
            tracer.factor(tracers.iter().filter_map(|tracer| tracer.acquired).min()).map(Some)
        }
    }
}

impl Tracer {
    /// From the dose that was left when counting began: at the series' own time, unless that was put
    /// down after `first_acquired`, as it is in series that were computed later.
    fn factor(&self, first_acquired: Option<DateTime>) -> Result<f64, &'static str> {
        let start = match (self.series, first_acquired) {
            (Some(series), Some(acquired)) => series.min(acquired),
            (series, acquired) => series.or(acquired).ok_or("the time of the scan is missing")?,
        };
        let injected = match self.injected {
            Moment::At(moment) => moment,
            Moment::OnTheDay(time) => start.date().to_datetime(time),
        };
        let mut elapsed_s = start.duration_since(injected).as_secs_f64();
        // Without a date, an injection after the scan was on the evening before.
        if elapsed_s < 0.0 && matches!(self.injected, Moment::OnTheDay(_)) {
            elapsed_s += DAY_S;
            // A clock that is some hours ahead makes nearly a day of it.
            if elapsed_s > 0.75 * DAY_S {
                return Err("the injection is said to come after the scan");
            }
        }
        Ok(self.weight_g / (self.injected_bq * decayed(elapsed_s, self.half_life_s)?))
    }
}

/// A date (DA) and a time (TM).
fn date_time(day: &str, clock: &str) -> Option<DateTime> {
    let number = |range: std::ops::Range<usize>| day.get(range)?.parse::<i16>().ok();
    let date =
        Date::new(number(0..4)?, number(4..6)?.try_into().ok()?, number(6..8)?.try_into().ok()?).ok()?;
    Some(date.to_datetime(time(clock)?))
}

/// A moment (DT), by whose clock.
pub(super) fn moment(text: &str) -> Option<DateTime> {
    date_time(text.get(..8)?, text.get(8..)?)
}

/// A time (TM): hours, minutes, seconds and their fraction, the later ones at will. The offset from
/// universal time that a DT may end in is the same for all moments of one scan.
fn time(text: &str) -> Option<Time> {
    let text = text.split(['+', '-', '&']).next()?.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let part = |range: std::ops::Range<usize>| match whole.get(range) {
        None | Some("") => Some(0),
        Some(digits) => digits.parse::<i8>().ok(),
    };
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse::<i32>().ok()?;
    whole.get(..2)?;
    Time::new(part(0..2)?, part(2..4)?, part(4..6)?, nanoseconds).ok()
}
